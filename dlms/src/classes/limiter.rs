//! Limiter, class 71 \[BB 4.5.9\].

use super::object::{attributes, object_basics};
use super::value::structure;
use super::{AnyValue, AttributeReference, Effects, List, Moment, Object, ScriptReference, Value};
use crate::apdu::DataAccessResult;
use crate::axdr::{Data, Encoder};
use crate::cosem::{ClockTime, Wall};
use crate::specs::objects::GROUPS_MAX;
use core::time::Duration;
use plc_core::Instant;

structure! {
    /// emergency_profile.
    EmergencyProfile {
        /// The group that is meant.
        id: u16,
        /// From when on.
        activation_time: ClockTime,
        /// For how many seconds.
        duration: u32,
    }
}

structure! {
    /// actions of a limiter.
    LimiterActions {
        /// The value was over the threshold for long enough.
        over: ScriptReference,
        /// It was under it again for long enough.
        under: ScriptReference,
    }
}

attributes! {
    /// A threshold with durations, and another in emergencies.
    Limiter: LIMITER {
        /// What is monitored.
        [2] monitored_value: AttributeReference,
        /// The threshold in force.
        [3] threshold_active: AnyValue,
        /// The threshold of ordinary times.
        [4] threshold_normal: AnyValue,
        /// The threshold of emergencies.
        [5] threshold_emergency: AnyValue,
        /// Seconds.
        [6] min_over_threshold_duration: u32,
        /// Seconds.
        [7] min_under_threshold_duration: u32,
        /// The emergency that was announced.
        [8] emergency_profile: EmergencyProfile,
        /// The groups to which the meter belongs.
        [9] emergency_profile_group_id_list: List<u16, GROUPS_MAX>,
        /// Whether there is an emergency.
        [10] emergency_profile_active: bool,
        /// What happens.
        [11] actions: LimiterActions,
    } kept {
        /// Whether the limit was exceeded, and not kept since.
        exceeded: bool,
    } volatile {
        /// Since when the value has been on the side that it was not on when something happened last.
        since: Option<Instant>,
    }
}

impl Limiter {
    /// A limiter without threshold.
    pub fn new(monitored_value: AttributeReference, actions: LimiterActions) -> Self {
        let emergency_profile =
            EmergencyProfile { id: 0, activation_time: ClockTime::UNSPECIFIED, duration: 0 };
        Self {
            monitored_value,
            threshold_active: AnyValue::default(),
            threshold_normal: AnyValue::default(),
            threshold_emergency: AnyValue::default(),
            min_over_threshold_duration: 0,
            min_under_threshold_duration: 0,
            emergency_profile,
            emergency_profile_group_id_list: List::default(),
            emergency_profile_active: false,
            actions,
            exceeded: false,
            since: None,
        }
    }

    /// Sets the threshold of ordinary times.
    pub fn limit(&mut self, threshold: &impl Value) {
        self.threshold_normal = AnyValue::of(threshold);
        self.choose();
    }

    /// The value is `value` now: the script that is due.
    pub fn observe(&mut self, value: i64, now: Instant) -> Option<ScriptReference> {
        let threshold = self.threshold_active.number()?;
        if (value > threshold) == self.exceeded {
            self.since = None;
            return None;
        }
        let since = *self.since.get_or_insert(now);
        let wait_s =
            if self.exceeded { self.min_under_threshold_duration } else { self.min_over_threshold_duration };
        if now.since(since) < Duration::from_secs(wait_s.into()) {
            return None;
        }
        (self.since, self.exceeded) = (None, !self.exceeded);
        if self.exceeded { self.actions.over.some() } else { self.actions.under.some() }
    }

    /// Whether the limit was exceeded for long enough, and not kept for long enough since.
    pub const fn is_exceeded(&self) -> bool {
        self.exceeded
    }

    /// Emergencies begin and end with time.
    pub fn step(&mut self, wall: Wall) {
        let active = self.emergency().is_some_and(|(begin, end)| begin <= wall && wall < end);
        if active != self.emergency_profile_active {
            self.emergency_profile_active = active;
            self.choose();
        }
    }

    /// When [`Self::step`] has something to do next, after `wall`.
    pub fn next(&self, wall: Wall) -> Option<Wall> {
        let (begin, end) = self.emergency()?;
        [begin, end].into_iter().find(|&time| time > wall)
    }

    /// Whether all thresholds that are set are of the type of `value`, the monitored value.
    pub fn fits(&self, value: &Data<'_>) -> bool {
        let like = |threshold: &AnyValue| threshold.data() == Data::Null || threshold.is_like(value);
        like(&self.threshold_normal) && like(&self.threshold_emergency)
    }

    /// When the announced emergency begins and ends, if it concerns this meter.
    fn emergency(&self) -> Option<(Wall, Wall)> {
        let profile = &self.emergency_profile;
        let concerned = self.emergency_profile_group_id_list.iter().any(|&group| group == profile.id);
        let begin = Wall::named(&profile.activation_time).filter(|_| concerned)?;
        Some((begin, begin.plus_secs(profile.duration.into())))
    }

    fn choose(&mut self) {
        let chosen =
            if self.emergency_profile_active { &self.threshold_emergency } else { &self.threshold_normal };
        if self.threshold_active != *chosen {
            self.threshold_active = chosen.clone();
            self.since = None;
        }
    }
}

impl Object for Limiter {
    object_basics!();

    fn get(&self, attribute: i8, _: &Moment, out: &mut Encoder<'_>) -> Result<(), DataAccessResult> {
        self.read(attribute, out)
    }

    fn set(
        &mut self,
        attribute: i8,
        value: &Data<'_>,
        at: &Moment,
        _: &mut Effects,
    ) -> Result<(), DataAccessResult> {
        self.store(attribute, value)?;
        if let Some(wall) = at.wall {
            self.step(wall);
        }
        self.choose();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classes::test;
    use crate::cosem::LogicalName;

    fn limiter() -> Limiter {
        let script = |selector| ScriptReference { table: LogicalName([0, 0, 10, 0, 106, 255]), selector };
        let mut limiter =
            Limiter::new(AttributeReference::NONE, LimiterActions { over: script(1), under: script(2) });
        limiter.limit(&5000u32);
        limiter.threshold_emergency = AnyValue::of(&1000u32);
        (limiter.min_over_threshold_duration, limiter.min_under_threshold_duration) = (10, 60);
        limiter
    }

    fn observe(limiter: &mut Limiter, value: i64, secs: u64) -> Option<u16> {
        limiter.observe(value, Instant::from_secs(secs)).map(|script| script.selector)
    }

    #[test]
    fn only_what_lasts_has_consequences_and_each_once() {
        let mut limiter = limiter();
        assert_eq!(observe(&mut limiter, 6000, 0), None);
        assert_eq!(observe(&mut limiter, 4000, 9), None);
        assert_eq!(observe(&mut limiter, 6000, 10), None, "the duration begins anew");
        assert_eq!(observe(&mut limiter, 6000, 19), None);
        assert_eq!(observe(&mut limiter, 6000, 20), Some(1));
        assert_eq!(observe(&mut limiter, 6000, 500), None);
        assert_eq!(observe(&mut limiter, 0, 501), None);
        assert_eq!(observe(&mut limiter, 0, 560), None);
        assert_eq!(observe(&mut limiter, 0, 561), Some(2));
        assert_eq!(observe(&mut limiter, 0, 9000), None);
        test::check(&limiter, &test::UNSET);
    }

    #[test]
    fn without_a_threshold_nothing_is_limited() {
        let mut limiter = Limiter::new(AttributeReference::NONE, limiter().actions);
        assert_eq!(observe(&mut limiter, i64::MAX, 0), None);
    }

    #[test]
    fn an_emergency_of_an_own_group_lowers_the_threshold_while_it_lasts() {
        let mut limiter = limiter();
        let (begin, end) = (test::at(11, 22, 18, 0, 0), test::at(11, 22, 19, 0, 0));
        let activation_time = ClockTime::of_wall(begin.wall.unwrap());
        limiter.emergency_profile = EmergencyProfile { id: 7, activation_time, duration: 3600 };
        let active = |limiter: &mut Limiter, at: Moment| {
            limiter.step(at.wall.unwrap());
            (limiter.emergency_profile_active, limiter.threshold_active.number())
        };
        assert_eq!(active(&mut limiter, begin), (false, Some(5000)), "of no group");
        let groups = List::<u16, 9>::new(alloc::vec![3, 7]).unwrap().to_value();
        let groups = Data::from_bytes(&groups).unwrap();
        assert_eq!(limiter.set(9, &groups, &test::at(11, 22, 17, 0, 0), &mut Effects::default()), Ok(()));
        assert_eq!(limiter.next(test::at(11, 22, 17, 0, 0).wall.unwrap()), begin.wall);
        assert_eq!(active(&mut limiter, begin), (true, Some(1000)));
        assert_eq!(limiter.next(begin.wall.unwrap()), end.wall);
        assert_eq!(active(&mut limiter, end), (false, Some(5000)));
        assert_eq!(limiter.next(end.wall.unwrap()), None);
    }
}
