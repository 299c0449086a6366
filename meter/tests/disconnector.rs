//! The disconnector through the running meter: whoever moves it, in every mode, as the table of the book has it.
#![allow(clippy::panic)] // what a test did not expect

mod line;
mod mains;

use dlms::apdu::{ActionResult, DataAccessResult};
use dlms::classes::{AnyValue, ControlState, LimiterActions, ScriptReference, Value};
use dlms::client::{ClientInput, ClientOutput};
use dlms::cosem::{AttributeRequest, LogicalName, MethodRequest};
use line::{Line, management};
use mains::{Mains, RATE, at};
use meter::objects::{EventGroup, names};
use meter::specs::event;
use meter::{ApplicationInput, ApplicationOutput, MeterEvent};
use metrology::{Steady, SteadyElement};

use ControlState::{Connected, Disconnected, ReadyForReconnection};

/// Who wants the circuit moved.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Wish {
    RemoteDisconnect,
    RemoteReconnect,
    /// The button of the meter, which wants whatever the state lets it want.
    Button,
    /// A load above the limit for long enough.
    LocalDisconnect,
    /// A load below it.
    LocalReconnect,
}

const WISHES: [Wish; 5] = [
    Wish::RemoteDisconnect,
    Wish::RemoteReconnect,
    Wish::Button,
    Wish::LocalDisconnect,
    Wish::LocalReconnect,
];

/// Where the table of the book leads \[BB 4.5.8\]: by mode, state and wish the next state; `None` where nothing moves.
fn lawful(mode: u8, state: ControlState, wish: Wish) -> Option<ControlState> {
    let (modes, next): (&[u8], ControlState) = match (state, wish) {
        (Connected, Wish::RemoteDisconnect) => (&[1, 2, 3, 4, 5, 6], Disconnected),
        (ReadyForReconnection, Wish::RemoteDisconnect) => (&[1, 2, 3, 4, 5, 6], Disconnected),
        (Disconnected, Wish::RemoteReconnect) if [2, 4].contains(&mode) => (&[2, 4], Connected),
        (Disconnected, Wish::RemoteReconnect) => (&[1, 3, 5, 6], ReadyForReconnection),
        (Connected, Wish::Button) => (&[1, 2, 5], ReadyForReconnection),
        (ReadyForReconnection, Wish::Button) => (&[1, 2, 3, 4, 5, 6], Connected),
        (Connected, Wish::LocalDisconnect) => (&[1, 2, 3, 4, 5, 6], ReadyForReconnection),
        (ReadyForReconnection, Wish::LocalReconnect) => (&[5, 6], Connected),
        _ => return None,
    };
    modes.contains(&mode).then_some(next)
}

/// What is logged of a transition.
fn logged(wish: Wish, from: ControlState, to: ControlState) -> u8 {
    match (wish, from, to) {
        (_, Disconnected, ReadyForReconnection) => event::READY_FOR_RECONNECTION,
        (Wish::RemoteReconnect, ..) => event::REMOTE_CONNECTION,
        (Wish::RemoteDisconnect, ..) => event::REMOTE_DISCONNECTION,
        (Wish::Button, _, Connected) => event::MANUAL_CONNECTION,
        (Wish::Button, ..) => event::MANUAL_DISCONNECTION,
        (Wish::LocalDisconnect, ..) => event::LOCAL_DISCONNECTION,
        (Wish::LocalReconnect, ..) => event::LOCAL_RECONNECTION,
    }
}

impl Line {
    fn write(&mut self, class_id: u16, name: LogicalName, attribute: i8, value: &[u8]) {
        let answer = self.ask(ClientInput::Set(AttributeRequest::new(class_id, name, attribute), value));
        assert_eq!(answer, ClientOutput::AccessResult(DataAccessResult::Success), "{name} {attribute}");
    }

    /// Whether the meter has done what a client wants.
    fn act(&mut self, method: i8) -> bool {
        let request = MethodRequest { class_id: 70, logical_name: names::DISCONNECTOR, method };
        let (result, _) = match self.ask(ClientInput::Action(request, Some(&[15, 0]))) {
            ClientOutput::ActionResult(result, value) => (result, value),
            other => panic!("{method}: {other:?}"),
        };
        result == ActionResult::Success
    }

    /// So much is drawn for two seconds, as long as the circuit is closed.
    fn draw(&mut self, watts: i64) {
        let element = SteadyElement::sinusoidal(230_000_000, watts * 1_000_000 / 230, 0);
        let steady = Steady::new(50_000, [element, SteadyElement::default(), SteadyElement::default()])
            .expect("small");
        for _ in 0..2 {
            self.mains.samples += RATE;
            self.mains.handle(ApplicationInput::Steady(&steady));
        }
    }

    fn wish(&mut self, wish: Wish) {
        match wish {
            Wish::RemoteDisconnect => _ = self.act(1),
            Wish::RemoteReconnect => _ = self.act(2),
            Wish::Button => self.mains.handle(ApplicationInput::Button),
            Wish::LocalDisconnect => self.draw(3000),
            Wish::LocalReconnect => self.draw(100),
        }
    }

    fn state(&mut self) -> (bool, ControlState) {
        let mut get = |attribute| self.get(AttributeRequest::new(70, names::DISCONNECTOR, attribute));
        let (output, control) = (get(2), get(3));
        let state = ControlState::from_value(&control).expect("a state");
        (bool::from_value(&output).expect("a boolean"), state)
    }

    fn codes(&self) -> Vec<u8> {
        let rows = self.mains.app.board().events.rows(EventGroup::Disconnector);
        rows.iter().map(|row| row.code).filter(|&code| code != event::LIMIT_EXCEEDED).collect()
    }
}

/// A meter in a mode, with a limiter of 2 kW that opens the circuit and would close it again.
fn line(mode: u8) -> Line {
    let mut mains = Mains::new();
    mains.set_clock(at(22, 10, 0, 0));
    let mut line = Line::open(mains, management(1));
    line.write(70, names::DISCONNECTOR, 4, &[22, mode]);
    let script = |selector| ScriptReference { table: names::DISCONNECT_SCRIPTS, selector };
    let actions = LimiterActions { over: script(1), under: script(2) };
    line.write(71, names::LIMITER, 11, &actions.to_value());
    line.draw(100);
    line.write(71, names::LIMITER, 4, &AnyValue::of(&2_000_000u32).to_value());
    line.draw(100);
    line
}

/// The same in a state, by the ways that every mode but 0 has; `None` where there is none. The limiter stands where `wish` moves it.
fn in_state(mode: u8, state: ControlState, wish: Wish) -> Option<Line> {
    let mut line = line(mode);
    if wish == Wish::LocalReconnect {
        // It has to have been exceeded for the end of that to mean anything.
        line.draw(3000);
        if mode > 0 && state == Connected {
            line.wish(Wish::Button);
        }
    }
    let now = line.state().1;
    match (state, now) {
        (Connected, Connected) => {}
        (Disconnected, _) if mode > 0 => assert!(line.act(1)),
        (ReadyForReconnection, Connected) if mode > 0 && wish == Wish::LocalDisconnect => {
            // By the monitor's way, so that the limiter is still to be exceeded.
            line.draw(3000);
            line.draw(100);
            if line.state().1 == Connected {
                return None;
            }
        }
        (ReadyForReconnection, Connected) if mode > 0 => line.draw(3000),
        (ReadyForReconnection, ReadyForReconnection) => {}
        _ => return None,
    }
    assert_eq!(line.state(), (state == Connected, state), "mode {mode}, {wish:?}");
    Some(line)
}

#[test]
fn every_mode_makes_its_transitions_and_no_others_and_logs_each() {
    let (mut tried, mut made) = (0, 0);
    for mode in 0..=6 {
        for state in [Disconnected, Connected, ReadyForReconnection] {
            for wish in WISHES {
                let Some(mut line) = in_state(mode, state, wish) else { continue };
                let before = line.codes();
                line.mains.outputs.clear();
                line.wish(wish);
                let outputs: Vec<_> = line.mains.outputs.drain(..).collect();
                let expected = lawful(mode, state, wish);
                let next = expected.unwrap_or(state);
                assert_eq!(line.state(), (next == Connected, next), "{mode} {state:?} {wish:?}");
                let new: Vec<_> = line.codes()[before.len()..].to_vec();
                let events: Vec<_> = expected.iter().map(|&to| logged(wish, state, to)).collect();
                let moved = (state == Connected) != (next == Connected);
                // Who locks a circuit that is open already moves nothing, and arming moves nothing either, but is an event.
                let locked = (wish, state) == (Wish::RemoteDisconnect, ReadyForReconnection);
                assert_eq!(new, if locked { vec![] } else { events }, "{mode} {state:?} {wish:?}");
                // What a client wants goes by with its answer.
                if !matches!(wish, Wish::RemoteDisconnect | Wish::RemoteReconnect) {
                    let switched = MeterEvent::Switched { connected: next == Connected };
                    let told = outputs.contains(&ApplicationOutput::Event(switched));
                    assert_eq!(told, moved, "{mode} {state:?} {wish:?}");
                }
                (tried, made) = (tried + 1, made + usize::from(expected.is_some()));
            }
        }
    }
    assert!(tried >= 85 && made >= 30, "{made} of {tried}");
}

#[test]
fn a_circuit_that_was_armed_is_still_so_after_an_outage_and_closes_at_the_button() {
    let mut line = line(3);
    assert!(line.act(1));
    line.mains.handle(ApplicationInput::Button);
    assert_eq!(line.state(), (false, Disconnected), "locked");
    assert!(line.act(2));
    assert_eq!(line.state(), (false, ReadyForReconnection));
    let mut mains = line.mains.restarted();
    mains.set_clock(at(22, 10, 30, 0));
    let mut again = Line { mains, client: management(500) };
    assert_eq!(again.ask(ClientInput::Connect), ClientOutput::Connected);
    assert_eq!(again.state(), (false, ReadyForReconnection));
    again.mains.handle(ApplicationInput::Button);
    assert_eq!(again.state(), (true, Connected));
    let codes = again.codes();
    let expected = [event::REMOTE_DISCONNECTION, event::READY_FOR_RECONNECTION, event::MANUAL_CONNECTION];
    assert_eq!(codes, expected);
}
