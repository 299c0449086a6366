//! A low-voltage feeder: buses, cables, customers and their day.
//!
//! [`Feeder::european_lv`] is the IEEE European test feeder, whose tables are part of the program;
//! [`Feeder::from_dir`] reads the same tables of another feeder from a directory. Either way the tables are
//! checked as a whole: every reference resolves, the lines are a tree that begins at bus 1, and no number is
//! beyond what a low-voltage feeder can have.
//!
//! ```
//! use sim::feeder::{Conditions, Feeder, Place};
//! let feeder = Feeder::european_lv();
//! assert_eq!(feeder.customers().len(), 55);
//! let conditions = Conditions::ordinary(&feeder);
//! let plan = feeder.link_plan(Place::Transformer, Place::Customer(1), &conditions);
//! assert!(plan.is_some_and(|path| path.metres() > 30.0));
//! ```

mod plan;
mod responses;
mod table;
mod tables;
mod topology;

pub use plan::{Conditions, Place};
pub use responses::{Responses, Spot};
pub use table::FeederError;
pub use tables::{Bus, Customer, Kind, Line, Phase, Tables};

use std::path::Path;

/// A feeder as a tree from the transformer's low-voltage side, bus 1.
#[derive(Clone, Debug)]
pub struct Feeder {
    buses: Vec<Bus>,
    kinds: Vec<Kind>,
    lines: Vec<Line>,
    customers: Vec<Customer>,
    /// By profile, 1440 values each: active power in kW.
    profiles: Vec<Vec<f64>>,
    /// By bus: the line that comes from the transformer.
    feeding: Vec<Option<usize>>,
    /// By bus: the lines that lead away from the transformer.
    leaving: Vec<Vec<usize>>,
}

impl Feeder {
    /// The IEEE European low-voltage test feeder: 906 buses, 55 customers.
    pub fn european_lv() -> Self {
        Self::from_tables(&Tables {
            buses: include_str!("../../data/european-lv-feeder/buses.csv"),
            cables: include_str!("../../data/european-lv-feeder/cables.csv"),
            lines: include_str!("../../data/european-lv-feeder/lines.csv"),
            customers: include_str!("../../data/european-lv-feeder/customers.csv"),
            profiles: include_str!("../../data/european-lv-feeder/profiles_kw.csv"),
        })
        .expect("the built-in tables are tested")
    }

    /// The feeder whose five tables stand in `directory`, in the format of the built-in one.
    ///
    /// # Errors
    /// A file that cannot be read, or the first cell that is not what its column holds.
    pub fn from_dir(directory: &Path) -> Result<Self, FeederError> {
        let read = |name: &'static str| {
            let file = directory.join(name);
            std::fs::read_to_string(&file).map_err(|error| FeederError::Read { file, error })
        };
        Self::from_tables(&Tables {
            buses: &read(tables::BUSES)?,
            cables: &read(tables::CABLES)?,
            lines: &read(tables::LINES)?,
            customers: &read(tables::CUSTOMERS)?,
            profiles: &read(tables::PROFILES)?,
        })
    }

    /// The feeder of these tables.
    ///
    /// # Errors
    /// The first cell that is not what its column holds.
    pub fn from_tables(tables: &Tables<'_>) -> Result<Self, FeederError> {
        let buses = tables.buses()?;
        let kinds = tables.cables()?;
        let lines = tables.lines(&buses, &kinds)?;
        let profiles = tables.profiles()?;
        let customers = tables.customers(&buses, profiles.len())?;
        let (feeding, leaving) = topology::tree(&buses, &lines)?;
        Ok(Self { buses, kinds, lines, customers, profiles, feeding, leaving })
    }

    /// The buses, in the order of the table; the first one is bus 1.
    pub fn buses(&self) -> &[Bus] {
        &self.buses
    }

    /// The kinds of cable.
    pub fn kinds(&self) -> &[Kind] {
        &self.kinds
    }

    /// The lines.
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// The lines that lead away from the transformer at a bus, given by its place in the table.
    pub(crate) fn leaving(&self, bus: usize) -> impl Iterator<Item = &Line> {
        self.leaving[bus].iter().map(|&line| &self.lines[line])
    }

    /// The customers.
    pub fn customers(&self) -> &[Customer] {
        &self.customers
    }

    /// The customer of this number.
    pub fn customer(&self, number: u32) -> Option<&Customer> {
        self.customers.iter().find(|customer| customer.number == number)
    }

    /// Active power of a customer by minute of the day, kW: 1440 values.
    pub fn profile(&self, number: u32) -> Option<&[f64]> {
        self.customer(number).map(|customer| self.profiles[customer.profile].as_slice())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BUSES: &str = "bus,x_m,y_m\n1,0,0\n2,10,0\n3,10,5\n";
    const CABLES: &str =
        "cable,r1_ohm_per_km,x1_ohm_per_km,r0_ohm_per_km,x0_ohm_per_km\nthick,0.3,0.07,1,0.08\n";
    const LINES: &str = "line,from_bus,to_bus,cable,length_m\na,1,2,thick,10\nb,2,3,thick,5\n";
    const CUSTOMERS: &str = "customer,bus,phase,nominal_voltage_kv,power_factor,profile\n1,3,2,0.23,0.95,1\n";

    fn profiles() -> String {
        (0..1440).fold("minute,p1\n".to_owned(), |text, minute| text + &format!("{minute},0.5\n"))
    }

    fn error(change: impl FnOnce(&mut [String; 5])) -> String {
        let mut texts = [BUSES.into(), CABLES.into(), LINES.into(), CUSTOMERS.into(), profiles()];
        change(&mut texts);
        let [buses, cables, lines, customers, profiles] = &texts;
        match Feeder::from_tables(&Tables { buses, cables, lines, customers, profiles }) {
            Ok(_) => "accepted".into(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn the_built_in_feeder_has_the_published_size() {
        let feeder = Feeder::european_lv();
        assert_eq!((feeder.buses().len(), feeder.lines().len(), feeder.kinds().len()), (906, 905, 10));
        assert_eq!(feeder.customers().len(), 55);
        let by_phase = |phase| feeder.customers().iter().filter(|c| c.phase == phase).count();
        assert_eq!([Phase::One, Phase::Two, Phase::Three].map(by_phase), [21, 19, 15]);
        let length: f64 = feeder.lines().iter().map(|line| line.length_m).sum();
        assert!((length - 1431.5146).abs() < 1e-3);
        let first = feeder.profile(1).expect("customer 1 exists");
        assert_eq!((first.len(), first[0], first[1439]), (1440, 0.036, 0.036));
        assert!(feeder.profile(56).is_none());
    }

    /// A number of a table, what stands there, what is put in its place, and what is said about it.
    const MISTAKES: &[(usize, &str, &str, &str)] = &[
        (0, "3,10,5", "3,ten,5", "buses.csv, line 4, column x_m: expected a finite number, found \"ten\""),
        (0, "3,10,5", "3,10", "buses.csv, line 4: expected 3 columns, found 2"),
        (0, "bus,x_m", "bus,x", "buses.csv, line 1, column x_m: expected the column's name, found \"x\""),
        (
            0,
            "3,10,5",
            "2,10,5",
            "buses.csv, line 4, column bus: expected a number not used before, found \"2\"",
        ),
        (
            1,
            "0.3,",
            "-0.3,",
            "cables.csv, line 2, column r1_ohm_per_km: expected a number from 0.001 to 100, found \"-0.3\"",
        ),
        (2, "a,1,2", "a,1,9", "lines.csv, line 2, column to_bus: expected a bus of buses.csv, found \"9\""),
        (
            2,
            "2,3,thick",
            "2,3,thin",
            "lines.csv, line 3, column cable: expected a cable of cables.csv, found \"thin\"",
        ),
        (
            2,
            "b,2,3",
            "b,1,2",
            "lines.csv, line 3, column to_bus: expected a bus that no earlier line feeds, found \"2\"",
        ),
        (3, "1,3,2", "1,3,4", "customers.csv, line 2, column phase: expected 1, 2 or 3, found \"4\""),
        (
            3,
            "0.95,1",
            "1.95,1",
            "customers.csv, line 2, column power_factor: expected a number above 0 up to 1, found \"1.95\"",
        ),
        (
            3,
            "0.95,1",
            "0.95,2",
            "customers.csv, line 2, column profile: expected a profile from 1 to 1, found \"2\"",
        ),
        (4, "\n7,0.5", "\n8,0.5", "profiles_kw.csv, line 9, column minute: expected 7, found \"8\""),
        (
            4,
            "\n7,0.5",
            "\n7,-1",
            "profiles_kw.csv, line 9, column p1: expected a number from 0 to 100, found \"-1\"",
        ),
    ];

    /// Numbers that no feeder has, as in the table above.
    const ABSURD: &[(usize, &str, &str, &str)] = &[
        (
            1,
            "0.07,",
            "1e3,",
            "cables.csv, line 2, column x1_ohm_per_km: expected a number from 0.001 to 100, found \"1e3\"",
        ),
        (
            1,
            ",1,",
            ",0,",
            "cables.csv, line 2, column r0_ohm_per_km: expected a number from 0.001 to 100, found \"0\"",
        ),
        (
            1,
            "0.08",
            "NaN",
            "cables.csv, line 2, column x0_ohm_per_km: expected a number from 0.001 to 100, found \"NaN\"",
        ),
        (
            2,
            "thick,5",
            "thick,5001",
            "lines.csv, line 3, column length_m: expected a number above 0 up to 5000, found \"5001\"",
        ),
        (
            2,
            "thick,5",
            "thick,0",
            "lines.csv, line 3, column length_m: expected a number above 0 up to 5000, found \"0\"",
        ),
        (
            2,
            "thick,5",
            "thick,4990.5",
            "lines.csv: bus 3 is 5000.5 m of cable away from bus 1, expected at most 5000 m",
        ),
        (
            3,
            "0.23",
            "230",
            "customers.csv, line 2, column nominal_voltage_kv: expected a number from 0.1 to 1, found \"230\"",
        ),
        (
            3,
            "0.23",
            "0.05",
            "customers.csv, line 2, column nominal_voltage_kv: expected a number from 0.1 to 1, found \"0.05\"",
        ),
        (
            3,
            "0.95",
            "0",
            "customers.csv, line 2, column power_factor: expected a number above 0 up to 1, found \"0\"",
        ),
        (3, "1,3,2,0.23,0.95,1", "", "customers.csv: expected at least one customer"),
        (
            4,
            "\n7,0.5",
            "\n7,1e9",
            "profiles_kw.csv, line 9, column p1: expected a number from 0 to 100, found \"1e9\"",
        ),
    ];

    #[test]
    fn an_error_names_file_line_column_and_what_was_expected() {
        assert_eq!(error(|_| ()), "accepted");
        for (table, from, to, message) in MISTAKES.iter().chain(ABSURD) {
            assert_eq!(error(|texts| texts[*table] = texts[*table].replacen(from, to, 1)), *message);
        }
    }

    #[test]
    fn an_island_a_loop_and_a_short_day_are_refused() {
        let island = error(|texts| texts[2] = texts[2].replace("b,2,3,thick,5\n", ""));
        assert_eq!(island, "lines.csv: bus 3 is not connected to bus 1");
        let looped = error(|texts| texts[2] = texts[2].replace("b,2,3", "b,3,3"));
        assert_eq!(looped, "lines.csv: bus 3 is not connected to bus 1");
        let short = error(|texts| texts[4] = texts[4].replace("1439,0.5\n", ""));
        assert_eq!(short, "profiles_kw.csv: expected 1440 rows, found 1439");
        assert_eq!(error(|texts| texts[0].clear()), "buses.csv: expected a header row, found an empty file");
    }

    #[test]
    fn the_tables_of_a_directory_are_the_same_feeder() {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/european-lv-feeder");
        let read = Feeder::from_dir(&directory).expect("the directory is part of the repository");
        assert_eq!(read.lines(), Feeder::european_lv().lines());
        let missing = Feeder::from_dir(Path::new("/nowhere")).expect_err("there is no such directory");
        assert!(missing.to_string().starts_with("/nowhere/buses.csv: "), "{missing}");
    }

    proptest! {
        #[test]
        fn random_text_never_panics(texts in prop::array::uniform5("[0-9a-z.,\\-\n\u{e9}\"]{0,120}")) {
            let [buses, cables, lines, customers, profiles] = &texts;
            let _ = Feeder::from_tables(&Tables { buses, cables, lines, customers, profiles });
        }

        #[test]
        fn a_good_feeder_with_a_random_cell_never_panics(table in 0usize..5, at in 0usize..200, cell in "[0-9a-z.,\\-\n]{0,6}") {
            error(|texts| {
                let at = at.min(texts[table].len());
                texts[table].insert_str(at, &cell);
            });
        }
    }
}
