//! Disconnect control, class 70 \[BB 4.5.8\].

use super::object::{attributes, no_parameter, stored_attributes};
use super::value::enumeration;
use super::{Effect, Effects, Enumerated, Moment, Object};
use crate::apdu::{ActionResult, DataAccessResult};
use crate::axdr::Data;
use crate::specs::disconnect_control::{
    ALLOWED, CONNECTED, DISCONNECTED, READY_FOR_RECONNECTION, transition as allowed,
};

enumeration! {
    /// control_state.
    ControlState {
        /// The circuit is open, and stays so until it is reconnected from afar.
        Disconnected = DISCONNECTED,
        /// The circuit is closed.
        Connected = CONNECTED,
        /// The circuit is open, and somebody at the meter may close it.
        ReadyForReconnection = READY_FOR_RECONNECTION,
    }
}

/// Who wants the circuit open or closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// The method remote_disconnect.
    RemoteDisconnect,
    /// The method remote_reconnect.
    RemoteReconnect,
    /// Somebody at the meter.
    ManualDisconnect,
    /// Somebody at the meter.
    ManualReconnect,
    /// A function of the meter, such as a limiter.
    LocalDisconnect,
    /// A function of the meter.
    LocalReconnect,
}

attributes! {
    /// A breaker and the rules by which it moves.
    DisconnectControl: DISCONNECT_CONTROL {
        /// Whether the circuit is closed.
        [2] output_state: bool,
        /// The state.
        [3] control_state: ControlState,
        /// 0 (never disconnected) to 6.
        [4] control_mode: Enumerated,
    } kept {} volatile {}
}

impl DisconnectControl {
    /// A closed circuit under `mode`, 0 to 6.
    pub const fn new(mode: u8) -> Self {
        Self { output_state: true, control_state: ControlState::Connected, control_mode: Enumerated(mode) }
    }

    /// Does what `command` wants, if the mode allows it in this state; returns whether it does.
    pub fn command(&mut self, command: Command, effects: &mut Effects) -> bool {
        let Some((letter, next)) = self.transition(command) else { return false };
        let mode = usize::from(self.control_mode.0);
        if ALLOWED.get(mode).is_none_or(|letters| letters & letter == 0) {
            return false;
        }
        self.control_state = next;
        self.switch(next == ControlState::Connected, effects);
        true
    }

    /// The transition by which `command` leaves the present state, and where it leads.
    fn transition(&self, command: Command) -> Option<(u8, ControlState)> {
        use ControlState::{Connected, Disconnected, ReadyForReconnection};
        let mode = ALLOWED.get(usize::from(self.control_mode.0)).copied().unwrap_or(0);
        Some(match (self.control_state, command) {
            (Disconnected, Command::RemoteReconnect) if mode & allowed::A != 0 => (allowed::A, Connected),
            (Disconnected, Command::RemoteReconnect) => (allowed::D, ReadyForReconnection),
            (Connected, Command::RemoteDisconnect) => (allowed::B, Disconnected),
            (ReadyForReconnection, Command::RemoteDisconnect) => (allowed::C, Disconnected),
            (ReadyForReconnection, Command::ManualReconnect) => (allowed::E, Connected),
            (Connected, Command::ManualDisconnect) => (allowed::F, ReadyForReconnection),
            (Connected, Command::LocalDisconnect) => (allowed::G, ReadyForReconnection),
            (ReadyForReconnection, Command::LocalReconnect) => (allowed::H, Connected),
            _ => return None,
        })
    }

    fn switch(&mut self, connected: bool, effects: &mut Effects) {
        if self.output_state != connected {
            self.output_state = connected;
            effects.push(Effect::Switch { connected });
        }
    }
}

impl Object for DisconnectControl {
    stored_attributes!();

    fn set(
        &mut self,
        attribute: i8,
        value: &Data<'_>,
        _: &Moment,
        effects: &mut Effects,
    ) -> Result<(), DataAccessResult> {
        if !matches!(*value, Data::Enum(mode) if usize::from(mode) < ALLOWED.len()) {
            return Err(DataAccessResult::OtherReason);
        }
        self.store(attribute, value)?;
        if self.control_mode == Enumerated(0) {
            // Mode 0: the circuit is always closed.
            self.control_state = ControlState::Connected;
            self.switch(true, effects);
        }
        Ok(())
    }

    fn invoke(
        &mut self,
        method: i8,
        parameter: &Data<'_>,
        _: &Moment,
        effects: &mut Effects,
    ) -> Result<(), ActionResult> {
        no_parameter(parameter)?;
        let command = if method == 1 { Command::RemoteDisconnect } else { Command::RemoteReconnect };
        if self.command(command, effects) { Ok(()) } else { Err(ActionResult::OtherReason) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Command::*;
    use ControlState::*;

    /// Where each command leads from each state, as the table of the book has it: rows are modes 1 to 6.
    #[test]
    fn each_mode_allows_its_transitions_and_no_others() {
        let lawful: [&[(ControlState, Command, ControlState)]; 7] = [
            &[],
            &[
                (Connected, ManualDisconnect, ReadyForReconnection),
                (Disconnected, RemoteReconnect, ReadyForReconnection),
            ],
            &[
                (Connected, ManualDisconnect, ReadyForReconnection),
                (Disconnected, RemoteReconnect, Connected),
            ],
            &[(Disconnected, RemoteReconnect, ReadyForReconnection)],
            &[(Disconnected, RemoteReconnect, Connected)],
            &[
                (Connected, ManualDisconnect, ReadyForReconnection),
                (Disconnected, RemoteReconnect, ReadyForReconnection),
                (ReadyForReconnection, LocalReconnect, Connected),
            ],
            &[
                (Disconnected, RemoteReconnect, ReadyForReconnection),
                (ReadyForReconnection, LocalReconnect, Connected),
            ],
        ];
        let always = [
            (Connected, RemoteDisconnect, Disconnected),
            (ReadyForReconnection, RemoteDisconnect, Disconnected),
            (ReadyForReconnection, ManualReconnect, Connected),
            (Connected, LocalDisconnect, ReadyForReconnection),
        ];
        let commands = [
            RemoteDisconnect,
            RemoteReconnect,
            ManualDisconnect,
            ManualReconnect,
            LocalDisconnect,
            LocalReconnect,
        ];
        for (mode, own) in lawful.into_iter().enumerate() {
            for state in [Disconnected, Connected, ReadyForReconnection] {
                for command in commands {
                    let mut control = DisconnectControl::new(mode as u8);
                    control.control_state = state;
                    control.output_state = state == Connected;
                    let all = if mode == 0 { [].iter() } else { always.iter() };
                    let expected =
                        own.iter().chain(all).find(|t| (t.0, t.1) == (state, command)).map(|t| t.2);
                    let mut effects = Effects::default();
                    assert_eq!(
                        control.command(command, &mut effects),
                        expected.is_some(),
                        "{mode} {state:?} {command:?}"
                    );
                    let next = expected.unwrap_or(state);
                    assert_eq!((control.control_state, control.output_state), (next, next == Connected));
                    let moved = (state == Connected) != (next == Connected);
                    let switched = [Effect::Switch { connected: next == Connected }];
                    assert_eq!(effects.as_slice(), if moved { &switched[..] } else { &[] });
                }
            }
        }
    }

    #[test]
    fn mode_0_closes_the_circuit_and_an_unknown_mode_is_refused() {
        let (mut control, mut effects, at) =
            (DisconnectControl::new(4), Effects::default(), crate::classes::test::UNSET);
        assert_eq!(control.invoke(1, &Data::I8(0), &at, &mut effects), Ok(()));
        assert_eq!(control.invoke(1, &Data::I8(0), &at, &mut effects), Err(ActionResult::OtherReason));
        assert_eq!(control.invoke(2, &Data::I8(1), &at, &mut effects), Err(ActionResult::TypeUnmatched));
        assert_eq!(control.set(4, &Data::Enum(7), &at, &mut effects), Err(DataAccessResult::OtherReason));
        assert_eq!(control.set(4, &Data::Enum(0), &at, &mut effects), Ok(()));
        assert_eq!(control, DisconnectControl::new(0));
        assert_eq!(effects.take(), [Effect::Switch { connected: false }, Effect::Switch { connected: true }]);
    }
}
