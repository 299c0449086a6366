//! Attributes that are read together: in one request where the meter can do that, else one after the other.

use alloc::vec::Vec;
use dlms::apdu::DataAccessResult;
use dlms::cosem::AttributeRequest;

/// Attributes of one lot.
pub(crate) const LOT_MAX: usize = 16;

/// The value of an attribute, encoded, or why there is none.
pub(crate) type Given = Result<Vec<u8>, DataAccessResult>;

/// Attributes that are read together.
#[derive(Debug)]
pub(crate) struct Lot {
    asked: Vec<(AttributeRequest, Option<Given>)>,
    /// Whether they were asked for in one request.
    listed: bool,
}

/// The next request.
#[derive(Debug, PartialEq)]
pub(crate) enum Question {
    /// All of them.
    List(Vec<AttributeRequest>),
    /// One.
    One(AttributeRequest),
}

impl Lot {
    /// These, at most [`LOT_MAX`].
    pub(crate) fn new(asked: Vec<AttributeRequest>) -> Self {
        Self { asked: asked.into_iter().map(|request| (request, None)).collect(), listed: false }
    }

    /// What to ask next, of a meter that takes lists or does not; `None` when all is answered.
    pub(crate) fn next(&mut self, lists: bool) -> Option<Question> {
        if lists && self.asked.len() > 1 && !core::mem::replace(&mut self.listed, true) {
            return Some(Question::List(self.asked.iter().map(|(request, _)| request.clone()).collect()));
        }
        let open = self.asked.iter().find(|(_, given)| given.is_none());
        open.map(|(request, _)| Question::One(request.clone()))
    }

    /// The answer to [`Question::One`].
    pub(crate) fn on_one(&mut self, given: Given) {
        if let Some((_, open)) = self.asked.iter_mut().find(|(_, answer)| answer.is_none()) {
            *open = Some(given);
        }
    }

    /// The answer to [`Question::List`]. What found no room in it is asked for alone.
    pub(crate) fn on_list(&mut self, list: Vec<Given>) {
        for ((_, open), given) in self.asked.iter_mut().zip(list) {
            *open = Some(given).filter(|given| *given != Err(DataAccessResult::OtherReason));
        }
    }

    /// All answers, in the order of the requests.
    pub(crate) fn into_answers(self) -> Vec<Given> {
        let missing = Err(DataAccessResult::OtherReason);
        self.asked.into_iter().map(|(_, given)| given.unwrap_or_else(|| missing.clone())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dlms::cosem::LogicalName;

    fn request(n: u8) -> AttributeRequest {
        AttributeRequest::new(3, LogicalName([1, 0, n, 7, 0, 255]), 2)
    }

    #[test]
    fn a_list_is_asked_at_once_and_what_found_no_room_in_it_alone() {
        let mut lot = Lot::new([1, 2, 3].map(request).to_vec());
        assert_eq!(lot.next(true), Some(Question::List([1, 2, 3].map(request).to_vec())));
        let denied = Err(DataAccessResult::ObjectUndefined);
        lot.on_list([Ok([1].to_vec()), Err(DataAccessResult::OtherReason), denied.clone()].to_vec());
        assert_eq!(lot.next(true), Some(Question::One(request(2))));
        lot.on_one(Ok([2].to_vec()));
        assert_eq!(lot.next(true), None);
        assert_eq!(lot.into_answers(), [Ok([1].to_vec()), Ok([2].to_vec()), denied]);
    }

    #[test]
    fn a_meter_without_lists_is_asked_one_by_one() {
        let mut lot = Lot::new([1, 2].map(request).to_vec());
        for n in [1, 2] {
            assert_eq!(lot.next(false), Some(Question::One(request(n))));
            lot.on_one(Err(DataAccessResult::OtherReason));
        }
        assert_eq!(lot.next(false), None, "what is refused alone is not asked for again");
    }

    #[test]
    fn an_answer_that_is_too_short_leaves_the_rest_to_be_asked_alone() {
        let mut lot = Lot::new([1, 2].map(request).to_vec());
        lot.next(true);
        lot.on_list([Ok([1].to_vec())].to_vec());
        assert_eq!(lot.next(true), Some(Question::One(request(2))));
    }
}
