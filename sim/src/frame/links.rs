//! Who hears whom, and how well.

/// What one node hears of another: ratio of signal to noise in each group, linear, at full level and ordinary noise.
#[derive(Clone, Copy, Debug)]
pub struct Link<'a> {
    /// Who hears.
    pub to: u32,
    /// By group.
    pub ratios: &'a [f32],
}

/// All links that matter, by sender. Memory is taken for links above the floor only.
#[derive(Clone, Debug)]
pub struct Links {
    groups: usize,
    /// By sender: where its links begin.
    starts: Vec<u32>,
    to: Vec<u32>,
    ratios: Vec<f32>,
    /// By sender and receiver: the place of their link.
    places: Vec<u32>,
    nodes: usize,
}

/// The place of a link that is not kept.
const NONE: u32 = u32::MAX;

impl Links {
    /// The links of `nodes` nodes over `groups` groups. `fill` writes the ratios from one node to another. Those that do not reach
    /// `floor_db` in any group are left out: nobody notices them, and as interference they are below a tenth of the noise if the
    /// floor is -10 dB or less.
    pub fn new(nodes: u32, groups: usize, floor_db: f64, mut fill: impl FnMut(u32, u32, &mut [f32])) -> Self {
        let floor = 10f64.powf(floor_db / 10.0) as f32;
        let count = nodes as usize;
        let places = vec![NONE; count * count];
        let mut links =
            Self { groups, starts: vec![0], to: Vec::new(), ratios: Vec::new(), places, nodes: count };
        let mut ratios = vec![0.0; groups];
        for from in 0..nodes {
            for to in (0..nodes).filter(|&to| to != from) {
                fill(from, to, &mut ratios);
                if ratios.iter().any(|&ratio| ratio >= floor) {
                    links.places[from as usize * count + to as usize] = links.to.len() as u32;
                    links.to.push(to);
                    links.ratios.extend_from_slice(&ratios);
                }
            }
            links.starts.push(links.to.len() as u32);
        }
        links
    }

    /// Groups of carriers.
    pub const fn groups(&self) -> usize {
        self.groups
    }

    /// Links in all.
    pub fn len(&self) -> usize {
        self.to.len()
    }

    /// Whether nobody hears anybody.
    pub fn is_empty(&self) -> bool {
        self.to.is_empty()
    }

    /// Who hears `from`, in order.
    pub fn of(&self, from: u32) -> impl ExactSizeIterator<Item = Link<'_>> {
        self.range(from).map(|n| self.link(n))
    }

    /// What `to` hears of `from`.
    pub fn between(&self, from: u32, to: u32) -> Option<Link<'_>> {
        self.place(from, to).map(|place| self.at(place))
    }

    /// The place of the link from one node to another.
    pub(super) fn place(&self, from: u32, to: u32) -> Option<u32> {
        let place = self.places[from as usize * self.nodes + to as usize];
        (place != NONE).then_some(place)
    }

    /// The link at a place.
    pub(super) fn at(&self, place: u32) -> Link<'_> {
        self.link(place as usize)
    }

    /// The places of the links of `from`, in the order of [`Self::of`].
    pub(super) fn places_of(&self, from: u32) -> core::ops::Range<u32> {
        let range = self.range(from);
        range.start as u32..range.end as u32
    }

    fn range(&self, from: u32) -> core::ops::Range<usize> {
        let from = from as usize;
        self.starts[from] as usize..self.starts[from + 1] as usize
    }

    fn link(&self, n: usize) -> Link<'_> {
        Link { to: self.to[n], ratios: &self.ratios[n * self.groups..][..self.groups] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_below_the_floor_are_not_kept_and_the_others_are_found() {
        let links = Links::new(4, 2, 0.0, |from, to, ratios| {
            ratios.copy_from_slice(&[if from < to { 2.0 } else { 0.5 }, 0.1 * to as f32]);
        });
        assert_eq!(links.of(1).map(|link| link.to).collect::<Vec<_>>(), [2, 3]);
        assert_eq!(links.between(1, 3).map(|link| link.ratios.to_vec()), Some(vec![2.0, 0.3]));
        assert!(links.between(3, 1).is_none() && links.of(3).len() == 0);
        assert_eq!(links.len(), 6);
    }
}
