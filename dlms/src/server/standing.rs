//! What is known of who sends.

/// Who a sender has shown himself to be: the higher, the more it would cost to end his connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// He has opened no association, or has yet to prove himself.
    #[default]
    Stranger,
    /// He has opened one that asks for no proof, which anybody can.
    Public,
    /// He has opened one with a password, a proof or keys.
    Proven,
}
