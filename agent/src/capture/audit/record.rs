//! One line of an audit log: `type=SYSCALL msg=audit(1700000000.123:456): key=value …`. Values from user space are quoted,
//! or in hex where they hold what a quoted one cannot.

use std::collections::HashMap;

/// What an enriched log puts before the names that it adds.
const ENRICHED: char = '\x1d';

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    pub kind: String,
    /// Milliseconds since the epoch.
    pub time: u64,
    pub serial: u64,
    fields: HashMap<String, String>,
}

impl Record {
    /// `None`: it is no record.
    pub fn parse(line: &str) -> Option<Record> {
        let line = line.trim_end_matches(['\n', '\r']);
        let line = match line.strip_prefix("node=") {
            Some(rest) => rest.split_once(' ')?.1,
            None => line,
        };
        let (kind, rest) = line.strip_prefix("type=")?.split_once(' ')?;
        let (stamp, rest) = rest.strip_prefix("msg=audit(")?.split_once("):")?;
        let (time, serial) = stamp.split_once(':')?;
        let (seconds, thousandths) = time.split_once('.')?;
        let time = seconds.parse::<u64>().ok()?.checked_mul(1000)?.checked_add(thousandths.parse().ok()?)?;
        Some(Record { kind: kind.to_owned(), time, serial: serial.parse().ok()?, fields: fields(rest) })
    }

    /// As it stands, without quotes. `(null)` is nothing.
    pub fn word(&self, key: &str) -> Option<&str> {
        let word = self.fields.get(key)?;
        Some(word.trim_matches('"')).filter(|word| *word != "(null)")
    }

    pub fn number(&self, key: &str) -> Option<i64> {
        self.word(key)?.parse().ok()
    }

    pub fn id(&self, key: &str) -> Option<u32> {
        self.word(key)?.parse().ok()
    }

    pub fn hex(&self, key: &str) -> Option<u64> {
        u64::from_str_radix(self.word(key)?, 16).ok()
    }

    pub fn octal(&self, key: &str) -> Option<u32> {
        u32::from_str_radix(self.word(key)?, 8).ok()
    }

    /// A value from user space.
    pub fn text(&self, key: &str) -> Option<Vec<u8>> {
        let value = self.fields.get(key)?;
        if let Some(quoted) = value.strip_prefix('"') {
            return Some(quoted.strip_suffix('"').unwrap_or(quoted).as_bytes().to_vec());
        }
        unhex(value)
    }
}

fn fields(rest: &str) -> HashMap<String, String> {
    let mut fields = HashMap::new();
    let mut rest = rest;
    loop {
        rest = rest.trim_start_matches([' ', ENRICHED]);
        let Some((key, value)) = rest.split_once('=') else { return fields };
        let end = match value.strip_prefix('"') {
            Some(quoted) => quoted.find('"').map_or(value.len(), |end| end + 2),
            None => value.find([' ', ENRICHED]).unwrap_or(value.len()),
        };
        let (value, after) = value.split_at(end);
        // The first counts: what follows may be quoted from user space.
        fields.entry(key.to_owned()).or_insert_with(|| value.to_owned());
        rest = after;
    }
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text.chars().map(|c| c.to_digit(16).map(|digit| digit as u8)).collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0)?;
    Some(digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_line_is_its_keys_and_their_values() {
        let line = "node=web type=PATH msg=audit(1700000000.123:456): item=0 name=2F746D702F61206222 inode=7 key=(null)\x1dOUID=\"root\"\n";
        let record = Record::parse(line).unwrap();
        assert_eq!((&*record.kind, record.time, record.serial), ("PATH", 1_700_000_000_123, 456));
        assert_eq!(record.text("name").unwrap(), b"/tmp/a b\"");
        assert_eq!(
            (record.number("inode"), record.word("key"), record.word("OUID")),
            (Some(7), None, Some("root"))
        );
        let quoted = Record::parse("type=CWD msg=audit(1.002:3): cwd=\"/a b=c\" x=1").unwrap();
        assert_eq!((quoted.text("cwd").unwrap().as_slice(), quoted.number("x")), (&b"/a b=c"[..], Some(1)));
    }

    #[test]
    fn other_lines_are_no_records() {
        for line in ["", "hello", "type=CWD", "type=CWD msg=audit(x.1:2): ", "type=CWD msg=audit(1:2): a=b"] {
            assert_eq!(Record::parse(line), None, "{line}");
        }
    }

    proptest! {
        #[test]
        fn no_line_makes_it_panic(line in "(type=[A-Z]{1,8} msg=audit\\([0-9.:]{0,12}\\): )?\\PC{0,80}") {
            if let Some(record) = Record::parse(&line) {
                for key in ["a", "name"] {
                    drop((record.text(key), record.number(key), record.hex(key), record.octal(key)));
                }
            }
        }
    }
}
