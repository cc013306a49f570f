//! Fields and transformers as things to read: looked up, their arguments checked, equal ones shared.

use std::collections::HashMap;

use super::{
    arena::ReadId,
    table::{Table, needs},
    types::{self, TypeSet},
};
use crate::{
    field::{Field, Type},
    rule::{
        lang::{Call, FieldRef, Operand, Transformer},
        run::read::Read,
        source::Complaint,
    },
};

#[derive(Default)]
pub struct Operands {
    pub reads: Vec<Read>,
    pub infos: Vec<Info>,
    index: HashMap<Operand, ReadId>,
}

/// What is known at load of something that is read.
#[derive(Clone)]
pub struct Info {
    pub ty: Type,
    /// As a rule writes it.
    pub shown: String,
    /// List of a process and its ancestors.
    pub any: bool,
    pub special: Option<Special>,
    /// Event types that have it, as far as this version produces them.
    pub has: TypeSet,
    /// What it is made of.
    pub fields: Vec<Used>,
}

/// A field, or what stands for one, that something is made of.
#[derive(Clone)]
pub struct Used {
    /// As written.
    pub name: String,
    /// `None`: not produced by this version.
    pub row: Option<&'static Field>,
    /// As a rule that lacks it says: `field proc.env`, `log of sshd`.
    pub need: String,
}

/// Fields that the loader itself can answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Special {
    /// Known for each kind of event.
    Type,
    /// Only `<` is left: Falco has no enter events any more.
    Direction,
    /// Counts from 1, so `evt.num = 0` is never true.
    Number,
}

impl Info {
    /// Valid in Falco, but not produced here.
    pub fn unproduced(&self) -> bool {
        self.fields.iter().any(|used| used.row.is_none())
    }
}

/// `a field of type x`, for messages.
pub fn type_noun(ty: Type) -> &'static str {
    match ty {
        Type::Bool => "true or false",
        Type::Int | Type::Uint => "a number",
        Type::Text => "a text",
        Type::List => "a list",
        Type::Ip => "an IP address",
        Type::Net => "a network",
        Type::Port => "a port",
        Type::Flags => "a set of flags",
        Type::Time => "a time",
        Type::Duration => "a duration",
    }
}

pub fn is_text(ty: Type) -> bool {
    matches!(ty, Type::Text | Type::List | Type::Flags)
}

pub fn is_number(ty: Type) -> bool {
    matches!(ty, Type::Int | Type::Uint | Type::Port | Type::Time | Type::Duration)
}

impl Operands {
    pub fn info(&self, id: ReadId) -> &Info {
        &self.infos[id.0 as usize]
    }

    pub fn add(&mut self, operand: &Operand, table: &Table<'_>) -> Result<ReadId, Complaint> {
        if let Some(id) = self.index.get(operand) {
            return Ok(*id);
        }
        let (read, info) = match operand {
            Operand::Field(field) => field_read(field, table)?,
            Operand::Call(call) => self.call(call, table)?,
            Operand::Literal(literal) => (
                Read::Literal(literal.bytes.clone()),
                Info { has: TypeSet::all(), ..made(Type::Text, operand) },
            ),
            Operand::List(parts) => {
                let parts = parts.iter().map(|part| self.add(part, table)).collect::<Result<Vec<_>, _>>()?;
                let info = self.made_of(&parts, Type::List, operand);
                (Read::List(parts), info)
            }
            Operand::Lacking(noun) => {
                let used = Used { name: noun.clone(), row: None, need: noun.clone() };
                let info = Info { has: TypeSet::all(), fields: vec![used], ..made(Type::Text, operand) };
                (Read::Unproduced, info)
            }
        };
        let id = ReadId(self.reads.len() as u32);
        self.reads.push(read);
        self.infos.push(info);
        self.index.insert(operand.clone(), id);
        Ok(id)
    }

    fn made_of(&self, parts: &[ReadId], ty: Type, operand: &Operand) -> Info {
        let mut info = Info { has: TypeSet::all(), ..made(ty, operand) };
        for part in parts.iter().map(|part| self.info(*part)) {
            info.has = info.has.and(part.has);
            for field in &part.fields {
                if !info.fields.iter().any(|used| used.name == field.name) {
                    info.fields.push(field.clone());
                }
            }
        }
        info
    }

    fn call(&mut self, call: &Call, table: &Table<'_>) -> Result<(Read, Info), Complaint> {
        let word = call.transformer.word();
        let wrong = |message: String| Complaint::new(call.at.0, format!("`{word}` {message}"));
        let args = call.args.iter().map(|arg| self.add(arg, table)).collect::<Result<Vec<_>, _>>()?;
        let types: Vec<Type> = args.iter().map(|arg| self.info(*arg).ty).collect();
        let option = match (&call.bracket, call.transformer) {
            (None, _) => None,
            (Some(option), Transformer::Getopt) if option.len() == 1 => Some(option.as_bytes()[0]),
            (Some(option), Transformer::Getopt) => {
                return Err(wrong(format!("takes one option letter in brackets, found `{option}`")));
            }
            (Some(_), _) => return Err(wrong("takes nothing in brackets".into())),
        };
        let count = |want: usize, what: &str| {
            if types.len() == want {
                Ok(())
            } else {
                Err(wrong(format!("takes {what}, found {} arguments", types.len())))
            }
        };
        let want = |index: usize, fits: bool, what: &str| {
            let found = type_noun(types[index]);
            if fits {
                Ok(())
            } else {
                Err(wrong(format!("wants {what} as argument {}, found {found}", index + 1)))
            }
        };
        let ty = match call.transformer {
            Transformer::Tolower | Transformer::Toupper | Transformer::Basename | Transformer::B64 => {
                count(1, "one argument")?;
                want(0, is_text(types[0]), "a text")?;
                if types[0] == Type::List { Type::List } else { Type::Text }
            }
            Transformer::Text => {
                count(1, "one argument")?;
                Type::Text
            }
            Transformer::Len => {
                count(1, "one argument")?;
                want(0, is_text(types[0]), "a text or a list")?;
                Type::Uint
            }
            Transformer::Join => {
                count(2, "a separator and a list")?;
                want(0, types[0] == Type::Text, "a separator")?;
                want(1, types[1] == Type::List, "a list")?;
                Type::Text
            }
            Transformer::Concat => {
                if types.len() < 2 {
                    return Err(wrong("takes two arguments or more".into()));
                }
                for (index, ty) in types.iter().enumerate() {
                    want(index, *ty == Type::Text, "a text")?;
                }
                Type::Text
            }
            Transformer::Getopt => {
                count(2, "a list of arguments and the options")?;
                want(0, types[0] == Type::List, "a list of arguments")?;
                want(1, types[1] == Type::Text, "the option letters")?;
                if option.is_some() { Type::Text } else { Type::List }
            }
        };
        let info = self.made_of(&args, ty, &Operand::Call(call.clone()));
        Ok((Read::Call { transformer: call.transformer, args, option }, info))
    }
}

fn made(ty: Type, operand: &Operand) -> Info {
    let shown = operand.to_string();
    Info { ty, shown, any: false, special: None, has: TypeSet::NONE, fields: Vec::new() }
}

fn field_read(field: &FieldRef, table: &Table<'_>) -> Result<(Read, Info), Complaint> {
    let found = table.find(field)?;
    let special = match found.name.as_str() {
        "evt.type" | "syscall.type" => Some(Special::Type),
        "evt.dir" => Some(Special::Direction),
        "evt.num" => Some(Special::Number),
        _ => None,
    };
    let mut info = made(found.ty, &Operand::Field(field.clone()));
    info.special = special;
    info.any = found.any;
    let need = format!("field {}", info.shown);
    let row = found.source.as_ref().map(|(row, _)| *row);
    info.fields = vec![Used { name: info.shown.clone(), row, need }];
    info.has = match &found.source {
        Some((row, arg)) => {
            let needs = needs(row, arg);
            let kinds = types::produced().filter(|(_, kind, _)| needs.contains(kind));
            let names: Vec<_> = kinds.map(|(name, _, _)| name).collect();
            if needs.is_empty() { TypeSet::all() } else { TypeSet::of(|name| names.contains(&name)) }
        }
        None => TypeSet::all(),
    };
    let read = match found.source {
        Some((row, arg)) => Read::Field(row, arg),
        None => Read::Unproduced,
    };
    Ok((read, info))
}
