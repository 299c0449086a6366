//! No loop of routes outlives its repair.
//!
//! LOADng does not rule loops out: sequence numbers keep a single search from making one, but a table that forgets, a route that was
//! repaired in between or a first hop without a number can. What repairs a loop is the frame that enters it: it goes round until a
//! node has no hop left to give it, or knows itself as its originator, or would send it back where it came from, and that node gives
//! up its route. So a loop may stand for as long as nobody enters it, and then for as long as a frame needs to go round.

use super::record::Record;
use g3_adp::specs::{MAX_HOPS, ROUTING_TABLE_ENTRY_TTL};
use g3_mac::specs::DUPLICATE_DETECTION_TTL;
use plc_core::time::Duration;
use plc_core::{Instant, ShortAddress};
use std::collections::BTreeMap;

/// How often the routes are followed. A loop that has come and gone in between was repaired in time.
pub(super) const LOOPS_STEP: Duration = Duration::from_secs(30);

/// The longest that a frame takes for a hop: all attempts come within the time in which duplicates are known, and a second chance
/// after six seconds.
const HOP: Duration = Duration::from_secs(2 * DUPLICATE_DETECTION_TTL.as_secs() + 6);

/// How long a loop may stand after a frame was seen to have gone all round: until it has used up its hops.
const DRIVEN: Duration = Duration::from_secs(HOP.as_secs() * MAX_HOPS as u64);

/// How long any loop may stand: a route that no frame takes is forgotten after adpRoutingTableEntryTTL.
const IDLE: Duration = Duration::from_secs(ROUTING_TABLE_ENTRY_TTL.as_secs() + LOOPS_STEP.as_secs());

/// The network as routes see it.
pub(super) trait Mesh {
    /// Nodes, 0 for the coordinator.
    fn nodes(&self) -> usize;
    /// Destinations that the coordinator speaks to.
    fn members(&self) -> Vec<ShortAddress>;
    /// Where a frame for `destination` would go from `node`; the node that is meant, if it is one.
    fn next(&self, node: usize, destination: ShortAddress) -> Option<usize>;
    /// Whose address it is.
    fn of(&self, destination: ShortAddress) -> Option<usize>;
    /// When a frame for `destination` has last gone from `node` along its route.
    fn used(&self, node: usize, destination: ShortAddress) -> Option<Instant>;
}

/// The loops that stand.
#[derive(Debug, Default)]
pub(super) struct Loops {
    standing: BTreeMap<Loop, Standing>,
    /// How long a loop on the way from the coordinator to a meter may stand: somebody enters it each time that the meter is read.
    on_the_way: Duration,
}

/// Where frames go round: the destination, and the nodes in ascending order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Loop {
    destination: ShortAddress,
    nodes: Vec<usize>,
}

#[derive(Clone, Copy, Debug)]
struct Standing {
    found: Instant,
    /// When it was first seen that a frame has gone round since it was found.
    driven: Option<Instant>,
    told: bool,
}

impl Loops {
    /// No loops, in a town whose meters are read so often.
    pub(super) fn new(reading: Duration) -> Self {
        Self { standing: BTreeMap::new(), on_the_way: (reading * 2 + LOOPS_STEP).min(IDLE) }
    }

    /// Follows the routes of everybody to the coordinator, and of the coordinator to everybody.
    pub(super) fn look(&mut self, now: Instant, mesh: &impl Mesh, record: &mut Record) {
        let before = std::mem::take(&mut self.standing);
        for found in upward(mesh).into_iter().chain(downward(mesh)) {
            let known = before.get(&found).copied();
            record.loops += u64::from(known.is_none());
            let mut standing = known.unwrap_or(Standing { found: now, driven: None, told: false });
            if standing.driven.is_none() && found.is_driven(mesh, standing.found) {
                standing.driven = Some(now);
            }
            record.longest_loop = record.longest_loop.max(now.since(standing.found));
            if !standing.told && self.has_outlived(now, &found, &standing) {
                standing.told = true;
                record.violate(found.text(now, &standing));
            }
            self.standing.insert(found, standing);
        }
    }

    fn has_outlived(&self, now: Instant, found: &Loop, standing: &Standing) -> bool {
        let home = found.destination == ShortAddress::COORDINATOR;
        let longest = if home { IDLE } else { self.on_the_way };
        now.since(standing.found) > longest || standing.driven.is_some_and(|at| now.since(at) > DRIVEN)
    }
}

impl Loop {
    /// Whether a frame has left each of its nodes along its route since `found`.
    fn is_driven(&self, mesh: &impl Mesh, found: Instant) -> bool {
        self.nodes.iter().all(|&node| mesh.used(node, self.destination).is_some_and(|at| at > found))
    }

    fn text(&self, now: Instant, standing: &Standing) -> String {
        let (Self { destination, nodes }, age) = (self, now.since(standing.found).as_secs());
        let driven = if standing.driven.is_some() { ", although frames go round" } else { "" };
        format!("the routes of nodes {nodes:?} to {destination} have been a loop for {age} s{driven}")
    }
}

/// Loops on the ways of all nodes to the coordinator.
fn upward(mesh: &impl Mesh) -> Vec<Loop> {
    // By node: the walk that has come by first.
    let mut walks: Vec<Option<usize>> = vec![None; mesh.nodes()];
    let mut loops = Vec::new();
    for start in 1..mesh.nodes() {
        let (mut at, mut way) = (start, Vec::new());
        while at != 0 && walks[at].is_none() {
            walks[at] = Some(start);
            way.push(at);
            let Some(next) = mesh.next(at, ShortAddress::COORDINATOR) else { break };
            at = next;
        }
        if at != 0 && walks[at] == Some(start) {
            loops.extend(closed(ShortAddress::COORDINATOR, &way, at, mesh));
        }
    }
    loops
}

/// Loops on the ways of the coordinator to its members.
fn downward(mesh: &impl Mesh) -> Vec<Loop> {
    let mut loops = Vec::new();
    for destination in mesh.members() {
        let (mut at, mut way) = (0, Vec::new());
        let end = mesh.of(destination);
        while Some(at) != end && !way.contains(&at) {
            way.push(at);
            let Some(next) = mesh.next(at, destination) else { break };
            at = next;
        }
        if Some(at) != end {
            loops.extend(closed(destination, &way, at, mesh));
        }
    }
    loops
}

/// The loop at the end of a way that leads from its last node to `at` again; none if it just ends there.
fn closed(destination: ShortAddress, way: &[usize], at: usize, mesh: &impl Mesh) -> Option<Loop> {
    let first = way.iter().position(|&node| node == at)?;
    let last = *way.last()?;
    (mesh.next(last, destination) == Some(at)).then_some(())?;
    let mut nodes = way[first..].to_vec();
    nodes.sort_unstable();
    Some(Loop { destination, nodes })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Next hops by node and destination, and when they were used. The address of a node is its number.
    #[derive(Default)]
    struct Tables {
        nodes: usize,
        next: BTreeMap<(usize, u16), usize>,
        used: BTreeMap<(usize, u16), Instant>,
    }

    impl Mesh for Tables {
        fn nodes(&self) -> usize {
            self.nodes
        }
        fn members(&self) -> Vec<ShortAddress> {
            (1..self.nodes as u16).map(ShortAddress).collect()
        }
        fn next(&self, node: usize, destination: ShortAddress) -> Option<usize> {
            self.next.get(&(node, destination.0)).copied()
        }
        fn of(&self, destination: ShortAddress) -> Option<usize> {
            Some(usize::from(destination.0))
        }
        fn used(&self, node: usize, destination: ShortAddress) -> Option<Instant> {
            self.used.get(&(node, destination.0)).copied()
        }
    }

    /// Five nodes; the hops are (from, to) towards `destination`.
    fn tables(destination: u16, hops: &[(usize, usize)]) -> Tables {
        let next = hops.iter().map(|&(from, to)| ((from, destination), to)).collect();
        Tables { nodes: 6, next, ..Tables::default() }
    }

    fn at(second: u64) -> Instant {
        Instant::from_secs(second)
    }

    fn found(mesh: &Tables) -> Vec<(u16, Vec<usize>)> {
        let all = upward(mesh).into_iter().chain(downward(mesh));
        all.map(|found| (found.destination.0, found.nodes)).collect()
    }

    #[test]
    fn a_loop_is_found_once_however_many_ways_lead_into_it_and_a_way_that_ends_is_none() {
        assert_eq!(found(&tables(0, &[(1, 2), (2, 3), (3, 0), (4, 1), (5, 4)])), []);
        assert_eq!(found(&tables(0, &[(1, 2), (2, 3)])), [], "it ends where nobody knows the way");
        assert_eq!(found(&tables(0, &[(5, 4), (4, 1), (1, 3), (3, 2), (2, 1)])), [(0, vec![1, 2, 3])]);
        assert_eq!(found(&tables(0, &[(1, 2), (2, 1), (3, 3)])), [(0, vec![1, 2]), (0, vec![3])]);
        assert_eq!(found(&tables(5, &[(0, 1), (1, 2), (2, 5), (3, 4), (4, 3)])), [], "not on the way");
        assert_eq!(found(&tables(5, &[(0, 1), (1, 2), (2, 3), (3, 1)])), [(5, vec![1, 2, 3])]);
        assert_eq!(found(&tables(5, &[(0, 1), (1, 0)])), [(5, vec![0, 1])]);
    }

    #[test]
    fn a_loop_that_nobody_enters_may_stand_until_its_routes_are_forgotten() {
        let (mut loops, mut record) = (Loops::new(Duration::from_secs(900)), Record::default());
        let mesh = tables(0, &[(1, 2), (2, 1)]);
        loops.look(at(100), &mesh, &mut record);
        loops.look(at(100) + IDLE, &mesh, &mut record);
        assert_eq!((record.loops, record.violation_count, record.longest_loop), (1, 0, IDLE));
        loops.look(at(101) + IDLE, &mesh, &mut record);
        loops.look(at(102) + IDLE, &mesh, &mut record);
        assert_eq!((record.loops, record.violation_count), (1, 1), "it is told once");
    }

    #[test]
    fn a_loop_on_the_way_to_a_meter_must_be_gone_when_the_meter_was_read_twice() {
        let (mut loops, mut record) = (Loops::new(Duration::from_secs(900)), Record::default());
        let mesh = tables(5, &[(0, 1), (1, 2), (2, 3), (3, 1)]);
        loops.look(at(100), &mesh, &mut record);
        loops.look(at(100 + 1830), &mesh, &mut record);
        assert_eq!(record.violation_count, 0);
        loops.look(at(100 + 1831), &mesh, &mut record);
        assert_eq!(record.violation_count, 1);
    }

    #[test]
    fn a_loop_that_a_frame_has_gone_round_must_be_gone_when_its_hops_are_used_up() {
        let (mut loops, mut record) = (Loops::new(Duration::from_secs(900)), Record::default());
        let mut mesh = tables(0, &[(1, 2), (2, 3), (3, 1)]);
        loops.look(at(100), &mesh, &mut record);
        mesh.used = BTreeMap::from([((1, 0), at(110)), ((2, 0), at(111)), ((3, 0), at(99))]);
        loops.look(at(120) + DRIVEN * 2, &mesh, &mut record);
        assert_eq!(record.violation_count, 0, "one of them has sent nothing on");
        mesh.used.insert((3, 0), at(112));
        let driven = at(130) + DRIVEN * 2;
        loops.look(driven, &mesh, &mut record);
        loops.look(driven + DRIVEN, &mesh, &mut record);
        assert_eq!(record.violation_count, 0);
        loops.look(driven + DRIVEN + Duration::from_secs(1), &mesh, &mut record);
        assert_eq!(record.violation_count, 1);
        assert!(record.violations[0].contains("frames go round"), "{:?}", record.violations);
    }

    #[test]
    fn a_loop_that_was_repaired_and_comes_again_is_another_one() {
        let (mut loops, mut record) = (Loops::new(Duration::from_secs(900)), Record::default());
        let mesh = tables(0, &[(1, 2), (2, 1)]);
        loops.look(at(100), &mesh, &mut record);
        loops.look(at(130), &tables(0, &[(1, 2), (2, 0)]), &mut record);
        loops.look(at(160), &mesh, &mut record);
        loops.look(at(150) + IDLE, &mesh, &mut record);
        assert_eq!((record.loops, record.violation_count), (2, 0));
    }
}
