//! How loud it is, over the day.

/// dB above the ordinary noise, by second of the day: straight between its points, and around midnight.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Noise {
    /// Second of the day and dB, ascending.
    points: Vec<(u32, f64)>,
}

/// Seconds of a day.
const DAY: u32 = 86_400;

impl Noise {
    /// Through these points; none is ordinary noise all day.
    pub fn new(mut points: Vec<(u32, f64)>) -> Self {
        points.sort_by_key(|point| point.0);
        Self { points }
    }

    /// dB at a second of the day.
    pub fn db(&self, second: u32) -> f64 {
        let Some((&first, &last)) = self.points.first().zip(self.points.last()) else { return 0.0 };
        let second = second % DAY;
        let after = self.points.partition_point(|point| point.0 <= second);
        let before =
            if after == 0 { (last.0 as i64 - i64::from(DAY), last.1) } else { widen(self.points[after - 1]) };
        let next = self.points.get(after).map_or((i64::from(first.0 + DAY), first.1), |&point| widen(point));
        let share = (i64::from(second) - before.0) as f64 / (next.0 - before.0) as f64;
        before.1 + share * (next.1 - before.1)
    }

    /// Whether it ever changes.
    pub fn is_constant(&self) -> bool {
        self.points.len() < 2
    }
}

fn widen((second, db): (u32, f64)) -> (i64, f64) {
    (i64::from(second), db)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_is_straight_between_its_points_and_over_midnight() {
        let noise = Noise::new(vec![(20 * 3600, 6.0), (16 * 3600, 0.0), (22 * 3600, 6.0), (2 * 3600, 0.0)]);
        let at = |hour: f64| noise.db((hour * 3600.0) as u32);
        assert_eq!([at(12.0), at(18.0), at(21.0), at(23.0), at(1.0)], [0.0, 3.0, 6.0, 4.5, 1.5]);
        assert_eq!(Noise::default().db(5), 0.0);
        assert_eq!(Noise::new(vec![(7, 2.5)]).db(80_000), 2.5);
    }
}
