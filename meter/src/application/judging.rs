//! What has become of an image that was to be activated.

use super::{MeterApplication, MeterPersist, Pending};

impl MeterApplication {
    /// The image that was to be activated has been judged: it runs, or the one before it is back. To be told to the application of the
    /// image that runs, before its first input.
    pub fn on_image_judged(&mut self, runs: bool) {
        self.board.on_image_judged(runs);
        while let Some(snapshot) = self.board.take_changed() {
            self.kept.keep_object(&snapshot);
            self.out.push(Pending::Persist(MeterPersist::Object(snapshot)));
        }
    }
}
