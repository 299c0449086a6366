//! The published messages stay what they are, and the files keep the rules of the house: what is linted by `buf` elsewhere.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use concentrator_proto::FILE_DESCRIPTOR_SET;
use prost::Message as _;
use prost_types::{DescriptorProto, EnumDescriptorProto, FileDescriptorProto, FileDescriptorSet};
use std::collections::BTreeSet;

/// What was published, a line for each thing that must stay. `UPDATE_PUBLISHED=1` in the environment adds what is new.
const PUBLISHED: &str = include_str!("published.txt");

fn files() -> Vec<FileDescriptorProto> {
    let set = FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).unwrap();
    set.file.into_iter().filter(|file| file.package() == "concentrator.v1").collect()
}

/// Everything that a peer of another version relies on.
fn surface() -> BTreeSet<String> {
    let mut lines = BTreeSet::new();
    for file in files() {
        file.message_type.iter().for_each(|message| fields(message, &mut lines));
        file.enum_type.iter().for_each(|values| numbers(values, &mut lines));
        for service in &file.service {
            for method in &service.method {
                let stream = |stream: bool| if stream { "stream " } else { "" };
                lines.insert(format!(
                    "rpc {}.{} {}{} {}{}",
                    service.name(),
                    method.name(),
                    stream(method.client_streaming()),
                    method.input_type(),
                    stream(method.server_streaming()),
                    method.output_type()
                ));
            }
        }
    }
    lines
}

fn fields(message: &DescriptorProto, lines: &mut BTreeSet<String>) {
    for field in &message.field {
        let (number, label, kind) = (field.number(), field.label() as i32, field.r#type() as i32);
        let (name, optional) = (field.name(), field.proto3_optional());
        lines.insert(format!(
            "field {}.{name} = {number}, label {label}, type {kind} {}, optional {optional}",
            message.name(),
            field.type_name()
        ));
    }
}

fn numbers(values: &EnumDescriptorProto, lines: &mut BTreeSet<String>) {
    for value in &values.value {
        lines.insert(format!("value {}.{} = {}", values.name(), value.name(), value.number()));
    }
}

#[test]
fn nothing_that_was_published_is_removed_renumbered_or_given_another_type() {
    let surface = surface();
    let published: BTreeSet<String> = PUBLISHED.lines().map(str::to_owned).collect();
    let broken: Vec<_> = published.difference(&surface).collect();
    assert!(broken.is_empty(), "published, and not any more: {broken:#?}");
    let new: Vec<_> = surface.difference(&published).collect();
    if std::env::var_os("UPDATE_PUBLISHED").is_some() {
        let text: String = surface.iter().map(|line| format!("{line}\n")).collect();
        std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/published.txt"), text).unwrap();
        return;
    }
    assert!(new.is_empty(), "new: UPDATE_PUBLISHED=1 cargo test -p concentrator-proto publishes {new:#?}");
}

fn is_camel(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_uppercase()) && name.chars().all(|c| c.is_ascii_alphanumeric())
}

fn is_snake(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

fn shouted(name: &str) -> String {
    let mut out = String::new();
    for (at, c) in name.char_indices() {
        if at > 0 && c.is_ascii_uppercase() {
            out.push('_');
        }
        out.push(c.to_ascii_uppercase());
    }
    out
}

#[test]
fn names_are_as_buf_wants_them() {
    for file in files() {
        assert!(file.name().starts_with("concentrator/v1/"), "{}", file.name());
        for message in &file.message_type {
            assert!(is_camel(message.name()), "{}", message.name());
            for field in &message.field {
                assert!(is_snake(field.name()), "{}.{}", message.name(), field.name());
                let plain = !field.name().ends_with("_ms") || matches!(field.r#type() as i32, 3 | 4 | 18);
                assert!(plain, "{}.{}: milliseconds in 64 bits", message.name(), field.name());
            }
        }
        for values in &file.enum_type {
            let prefix = shouted(values.name());
            assert_eq!(values.value[0].name(), format!("{prefix}_UNSPECIFIED"));
            for value in &values.value {
                assert!(value.name().starts_with(&format!("{prefix}_")), "{}", value.name());
            }
        }
    }
}

#[test]
fn every_procedure_has_a_request_of_its_own() {
    let mut seen = BTreeSet::new();
    for file in files() {
        for method in file.service.iter().flat_map(|service| &service.method) {
            assert!(method.input_type().ends_with("Request"), "{}", method.name());
            assert!(seen.insert(method.input_type().to_owned()), "{} is asked twice", method.input_type());
        }
    }
    assert!(seen.len() > 20);
}

#[test]
fn every_file_service_procedure_message_field_and_value_has_a_comment() {
    for file in files() {
        let info = file.source_code_info.as_ref().unwrap();
        let commented: BTreeSet<&[i32]> = info
            .location
            .iter()
            .filter(|location| !location.leading_comments().trim().is_empty())
            .map(|location| location.path.as_slice())
            .collect();
        let has = |path: &[i32], name: &str| {
            assert!(commented.contains(path), "{}: {name} has no comment", file.name());
        };
        for (m, message) in (0..).zip(&file.message_type) {
            has(&[4, m], message.name());
            (0..).zip(&message.field).for_each(|(f, field)| has(&[4, m, 2, f], field.name()));
        }
        for (e, values) in (0..).zip(&file.enum_type) {
            has(&[5, e], values.name());
            (0..).zip(&values.value).for_each(|(v, value)| has(&[5, e, 2, v], value.name()));
        }
        for (s, service) in (0..).zip(&file.service) {
            has(&[6, s], service.name());
            (0..).zip(&service.method).for_each(|(m, method)| has(&[6, s, 2, m], method.name()));
        }
    }
}
