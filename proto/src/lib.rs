//! The gRPC interface of the concentrator: messages, client and server, generated from
//! `proto/concentrator/v1`, where every field is documented: `concentrator.proto`, `ledger.proto`, and `backhaul.proto`, the way to the
//! head-end.
//!
//! * [`v1`]: the messages, [`v1::concentrator_client`] and [`v1::concentrator_server`];
//! * [`FILE_DESCRIPTOR_SET`]: the same as data, for server reflection.
#![forbid(unsafe_code)]

/// Version 1 of the interface.
#[allow(
    missing_docs,
    unreachable_pub,
    unused_qualifications,
    clippy::all,
    clippy::too_many_lines,
    reason = "generated code"
)]
pub mod v1 {
    tonic::include_proto!("concentrator.v1");
}

/// The compiled `.proto` file with its comments, as a `google.protobuf.FileDescriptorSet`.
pub const FILE_DESCRIPTOR_SET: &[u8] = tonic::include_file_descriptor_set!("descriptor");
