//! Writes the TypeScript types of every model from the tables.

use super::Naming;
use super::{Enum, Kind, Model, Presence, auth, invoice, operation, webhook};

/// Returns the source of `models.ts` for [`Naming::JavaScript`] and of `wire.ts` for
/// [`Naming::Wire`].
///
/// In `wire.ts`, time stamps are strings.
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
        // Links of rustdoc become plain code in TypeScript.
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
    for field in model.fields {
        push_doc(out, field.doc, "  ");
        out.push_str("  ");
        out.push_str(field.called(naming));
        let (mark, tail) = match field.presence {
            Presence::Required | Presence::Usual => (": ", ";\n"),
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
        Kind::String | Kind::Id | Kind::Amount => out.push_str("string"),
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
