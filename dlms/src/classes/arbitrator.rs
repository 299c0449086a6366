//! Arbitrator, class 68 \[BB 4.5.12\].

use super::object::{attributes, no_parameter, parameter, stored_attributes};
use super::value::structure;
use super::{Bits, Effect, Effects, List, Moment, Object, ScriptReference};
use crate::apdu::{ActionResult, DataAccessResult};
use crate::axdr::Data;
use crate::specs::objects::{ACTORS_MAX, ARBITRATED_ACTIONS_MAX};

structure! {
    /// The parameter of request_action.
    ActionRequested {
        /// Who asks, from 0.
        actor: u8,
        /// Which actions.
        actions: Bits<ARBITRATED_ACTIONS_MAX>,
    }
}

attributes! {
    /// Of several who want different things, the one with the greatest weight has its way.
    Arbitrator: ARBITRATOR {
        /// The actions, as scripts.
        [2] actions: List<ScriptReference, ARBITRATED_ACTIONS_MAX>,
        /// Which actions each actor may ask for.
        [3] permissions: List<Bits<ARBITRATED_ACTIONS_MAX>, ACTORS_MAX>,
        /// The weight of each action for each actor.
        [4] weightings: List<List<u16, ARBITRATED_ACTIONS_MAX>, ACTORS_MAX>,
        /// What each actor has asked for last.
        [5] requests: List<Bits<ARBITRATED_ACTIONS_MAX>, ACTORS_MAX>,
        /// The number of the action that was executed last, from 1; 0 for none.
        [6] last_outcome: u8,
    } kept {} volatile {}
}

impl Arbitrator {
    /// Without actions and actors.
    pub fn new() -> Self {
        Self {
            actions: List::default(),
            permissions: List::default(),
            weightings: List::default(),
            requests: List::default(),
            last_outcome: 0,
        }
    }

    /// An actor asks for actions. What it may not ask for is not heard. The action with the greatest sum of weights
    /// is executed; between equals nothing is.
    fn request(&mut self, request: &ActionRequested, effects: &mut Effects) -> Result<(), ActionResult> {
        let actor = usize::from(request.actor);
        let permitted = self.permissions.as_slice().get(actor).ok_or(ActionResult::ReadWriteDenied)?;
        let mut heard = Bits::zeros(self.actions.len());
        request.actions.ones().filter(|&n| permitted.has(n)).for_each(|n| heard.put(n, true));
        if request.actions.ones().next().is_some() && heard.ones().next().is_none() {
            return Err(ActionResult::ReadWriteDenied);
        }
        while self.requests.len() <= actor {
            let none = Bits::zeros(self.actions.len());
            if !self.requests.put(none, |_| false) {
                return Err(ActionResult::OtherReason);
            }
        }
        if let Some(held) = self.requests.iter_mut().nth(actor) {
            *held = heard;
        }
        self.decide(effects);
        Ok(())
    }

    fn decide(&mut self, effects: &mut Effects) {
        let weight = |action: usize| -> u32 {
            let asked = self.requests.iter().enumerate().filter(|(_, bits)| bits.has(action));
            let weight =
                |actor: usize| self.weightings.as_slice().get(actor)?.as_slice().get(action).copied();
            asked.map(|(actor, _)| u32::from(weight(actor).unwrap_or(0))).sum()
        };
        let weights = (0..self.actions.len()).map(weight);
        let best = weights.clone().max().filter(|&best| best > 0);
        let mut winners = weights.enumerate().filter(|(_, weight)| Some(*weight) == best).map(|(n, _)| n);
        let (Some(winner), None) = (winners.next(), winners.next()) else { return };
        let outcome = winner as u8 + 1;
        if outcome != self.last_outcome {
            self.last_outcome = outcome;
            let script = self.actions.as_slice()[winner].some();
            script.into_iter().for_each(|script| _ = effects.push(Effect::Script(script)));
        }
    }
}

impl Default for Arbitrator {
    fn default() -> Self {
        Self::new()
    }
}

impl Object for Arbitrator {
    stored_attributes!();

    fn set(
        &mut self,
        attribute: i8,
        value: &Data<'_>,
        _: &Moment,
        _: &mut Effects,
    ) -> Result<(), DataAccessResult> {
        self.store(attribute, value)
    }

    fn invoke(
        &mut self,
        method: i8,
        data: &Data<'_>,
        _: &Moment,
        effects: &mut Effects,
    ) -> Result<(), ActionResult> {
        if method == 1 {
            return self.request(&parameter(data)?, effects);
        }
        no_parameter(data)?;
        (self.requests, self.last_outcome) = (List::default(), 0);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classes::{Value, test};
    use crate::cosem::LogicalName;
    use alloc::vec::Vec;

    /// Actions: disconnect, reconnect. Actors: the utility, the customer, who may only disconnect.
    fn arbitrator() -> Arbitrator {
        let mut arbitrator = Arbitrator::new();
        let script = |selector| ScriptReference { table: LogicalName([0, 0, 10, 0, 106, 255]), selector };
        let actions = List::<_, 9>::new(Vec::from([script(1), script(2)])).unwrap();
        let permissions =
            List::<Bits<9>, 9>::new(Vec::from([Bits::of(&[true, true]), Bits::of(&[true, false])])).unwrap();
        let weight = |weights: [u16; 2]| List::<u16, 9>::new(weights.to_vec()).unwrap();
        let weightings = List::<_, 9>::new(Vec::from([weight([5, 5]), weight([5, 0])])).unwrap();
        assert_eq!(test::write(&mut arbitrator, 2, &actions.to_value()), Ok(()));
        assert_eq!(test::write(&mut arbitrator, 3, &permissions.to_value()), Ok(()));
        assert_eq!(test::write(&mut arbitrator, 4, &weightings.to_value()), Ok(()));
        arbitrator
    }

    fn ask(arbitrator: &mut Arbitrator, actor: u8, actions: [bool; 2]) -> Result<Vec<u16>, ActionResult> {
        let request = ActionRequested { actor, actions: Bits::of(&actions) }.to_value();
        let mut effects = Effects::default();
        arbitrator.invoke(1, &Data::from_bytes(&request).unwrap(), &test::UNSET, &mut effects)?;
        let script = |effect: &Effect| if let Effect::Script(script) = effect { script.selector } else { 0 };
        Ok(effects.take().iter().map(script).collect())
    }

    #[test]
    fn the_heaviest_action_is_executed_and_nothing_between_equals() {
        let mut arbitrator = arbitrator();
        assert_eq!(ask(&mut arbitrator, 1, [true, false]), Ok(Vec::from([1])));
        assert_eq!(ask(&mut arbitrator, 0, [false, true]), Ok(Vec::new()), "five against five");
        assert_eq!(ask(&mut arbitrator, 1, [false, false]), Ok(Vec::from([2])));
        assert_eq!(arbitrator.last_outcome, 2);
        test::check(&arbitrator, &test::UNSET);
    }

    #[test]
    fn who_may_not_ask_is_not_heard() {
        let mut arbitrator = arbitrator();
        assert_eq!(ask(&mut arbitrator, 1, [false, true]), Err(ActionResult::ReadWriteDenied));
        assert_eq!(ask(&mut arbitrator, 7, [true, false]), Err(ActionResult::ReadWriteDenied));
        assert_eq!(arbitrator.invoke(2, &Data::I8(0), &test::UNSET, &mut Effects::default()), Ok(()));
        assert_eq!((arbitrator.requests.len(), arbitrator.last_outcome), (0, 0));
    }
}
