//! The TypeScript types of every model, written from the tables.

use super::Naming;
use super::{Enum, Kind, Model, Presence, auth, invoice, operation, transcode::push_name, webhook};
use crate::client::{DEFAULT_TIMEOUT_MS, Failure, Idempotency, OPERATIONS, RESPONSE_BODY_BOUND};
use crate::task::Task;
use crate::token::COOLDOWN_SECONDS;

/// The source of `models.ts` in JavaScript's naming, of `wire.ts` in the wire's, where time stamps are strings.
#[must_use]
pub fn typescript(naming: Naming) -> String {
    let mut out = String::from("// Written by `cargo xtask build` from src/model. Do not edit.\n");
    for table in [invoice::ENUMS, auth::ENUMS, webhook::ENUMS].concat() {
        push_enum(&mut out, table);
    }
    for model in [
        invoice::MODELS,
        auth::MODELS,
        webhook::MODELS,
        operation::MODELS,
    ]
    .concat()
    {
        push_model(&mut out, model, naming);
    }
    out
}

/// The source of `core.ts`: the tasks by number, and what TypeScript needs to know of the core.
#[must_use]
pub fn core() -> String {
    let mut out = String::from(
        "// Written by `cargo xtask build` from src/npm/task.rs and src/client. Do not edit.\n\n\
         /** What is asked of the wasm. */\nexport const enum Task {\n",
    );
    for (name, doc) in Task::NAMES {
        push_doc(&mut out, doc, "  ");
        out.push_str(&format!("  {name},\n"));
    }
    out.push_str(&format!(
        "}}\n\n/** The longest response body that is read, in bytes. */\nexport const RESPONSE_BODY_BOUND = {RESPONSE_BODY_BOUND};\n\
         \n/** How long one attempt may take by default, in milliseconds. */\nexport const DEFAULT_TIMEOUT_MS = {DEFAULT_TIMEOUT_MS};\n\
         \n/** How long no second refresh of the JWK Set is made by default, in seconds. */\nexport const COOLDOWN_SECONDS = {COOLDOWN_SECONDS};\n\
         \n/** What the `User-Agent` header says by default. */\nexport const USER_AGENT = \"gwop-sdk/{}\";\n",
        env!("CARGO_PKG_VERSION"),
    ));
    let failures: Vec<String> = Failure::ALL
        .iter()
        .map(|failure| format!("{:?}", failure.class()))
        .collect();
    out.push_str(&format!(
        "\n/** The classes of errors of calls without an answer, in the order that the wasm knows them by. */\n\
         export const FAILURES = [{}];\n",
        failures.join(", ")
    ));
    let keyed: Vec<String> = OPERATIONS
        .iter()
        .filter(|operation| operation.idempotency != Idempotency::Natural)
        .map(|operation| format!("{:?}", operation.name))
        .collect();
    out.push_str(&format!(
        "\n/** The operations that are sent with an idempotency key. */\nexport const KEYED = [{}];\n",
        keyed.join(", ")
    ));
    out
}

fn push_doc(out: &mut String, doc: &str, indent: &str) {
    let lines: Vec<&str> = doc.lines().map(str::trim).collect();
    out.push_str(indent);
    out.push_str("/**");
    for line in &lines {
        if lines.len() > 1 {
            out.push('\n');
            out.push_str(indent);
            out.push_str(" *");
        }
        out.push(' ');
        // rustdoc's links are plain code in TypeScript.
        out.push_str(&line.replace("[`", "`").replace("`]", "`"));
    }
    if lines.len() > 1 {
        out.push('\n');
        out.push_str(indent);
    }
    out.push_str(" */\n");
}

fn push_enum(out: &mut String, table: &Enum) {
    out.push('\n');
    push_doc(out, table.doc, "");
    out.push_str("export type ");
    out.push_str(table.name);
    out.push_str(" = ");
    for value in table.values {
        out.push('"');
        out.push_str(value);
        out.push_str("\" | ");
    }
    out.push_str("(string & {});\n");
}

fn push_model(out: &mut String, model: &Model, naming: Naming) {
    out.push('\n');
    push_doc(out, model.doc, "");
    out.push_str("export interface ");
    out.push_str(model.name);
    out.push_str(" {\n");
    let mut at = 0;
    for field in model.fields {
        let Some((entry, next)) = model.entry(at) else {
            return;
        };
        at = next;
        push_doc(out, field.doc, "  ");
        out.push_str("  ");
        push_name(out, entry.name, naming);
        let (mark, tail) = match field.presence {
            Presence::Required => (": ", ";\n"),
            Presence::Optional => ("?: ", " | undefined;\n"),
            Presence::Nullable => (": ", " | null;\n"),
        };
        out.push_str(mark);
        push_type(out, &field.kind, naming);
        out.push_str(tail);
    }
    out.push_str("}\n");
}

fn push_type(out: &mut String, kind: &Kind, naming: Naming) {
    match kind {
        Kind::String | Kind::Id => out.push_str("string"),
        Kind::Literal(text) => {
            out.push('"');
            out.push_str(text);
            out.push('"');
        }
        Kind::Integer => out.push_str("number"),
        Kind::Boolean => out.push_str("boolean"),
        Kind::Time => out.push_str(match naming {
            Naming::JavaScript => "Date",
            Naming::Wire => "string",
        }),
        Kind::Record => out.push_str("{ [key: string]: any }"),
        Kind::Any => out.push_str("unknown"),
        Kind::Enum(table) => out.push_str(table.name),
        Kind::Object(model) => out.push_str(model.name),
        Kind::List(inner) => {
            out.push_str("Array<");
            push_type(out, inner, naming);
            out.push('>');
        }
    }
}
