//! The six laws of a machine, for both roles, on a real conversation that was tampered with.
#![allow(clippy::unwrap_used, reason = "what surrounds the tests is part of them")]

mod air;
mod conversation;
mod memory;
mod subject;
mod tampering;

use conversation::conversation;
use plc_core::laws::{Subject, check};
use plc_core::{Instant, Machine};
use plc_node::NodeOutput;
use proptest::prelude::*;
use std::sync::LazyLock;
use subject::{Output, Role};
use tampering::{tampered, tampering};

static OF_THE_COORDINATOR: LazyLock<Vec<conversation::Paused>> =
    LazyLock::new(|| conversation(Role::Coordinator));
static OF_THE_DEVICE: LazyLock<Vec<conversation::Paused>> = LazyLock::new(|| conversation(Role::Device));

#[test]
fn a_step_list_that_nobody_has_tampered_with_is_the_whole_conversation() {
    for (role, steps, len) in
        [(Role::Coordinator, &*OF_THE_COORDINATOR, 900), (Role::Device, &*OF_THE_DEVICE, 300)]
    {
        let (mut machine, mut now, mut arrived) = (role.build(), Instant::from_secs(1), 0);
        for (pause, step) in steps {
            let then = now + *pause;
            while let Some(at) = machine.deadline().filter(|&at| at <= then) {
                now = now.max(at);
                machine.tick(now);
            }
            now = then;
            machine.handle(now, step.clone());
            arrived +=
                std::iter::from_fn(|| machine.poll()).filter(|output| has_arrived(output, len)).count();
        }
        assert_eq!(arrived, 1, "{role:?}");
    }
}

fn has_arrived(output: &Output, len: usize) -> bool {
    matches!(output, Output::Node(NodeOutput::Udp(datagram)) if datagram.payload.len() == len)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_coordinator_obeys_every_law_whatever_comes(tamperings in prop::collection::vec(tampering(), 0..400)) {
        prop_assert_eq!(check(&Role::Coordinator, &tampered(&OF_THE_COORDINATOR, &tamperings)), Ok(()));
    }

    #[test]
    fn a_device_obeys_every_law_whatever_comes(tamperings in prop::collection::vec(tampering(), 0..400)) {
        prop_assert_eq!(check(&Role::Device, &tampered(&OF_THE_DEVICE, &tamperings)), Ok(()));
    }
}
