//! The table of what the demo does: what each deed imitates, the rule it must trigger, and how its own success is
//! told. Nothing in it reaches the host: see `init::network`, `init::root` and `init::confine`.

use super::init::{Act, act};

pub struct Deed {
    pub name: &'static str,
    /// What an attacker does so.
    pub imitates: &'static str,
    /// The technique in MITRE ATT&CK.
    pub technique: &'static str,
    /// Name of the rule in `rules/`.
    pub rule: &'static str,
    /// In the deed's own output once it was really done.
    pub shows: &'static str,
    pub(super) act: Act,
}

impl Deed {
    pub fn find(name: &str) -> Option<&'static Deed> {
        DEEDS.iter().find(|deed| deed.name == name)
    }
}

pub static DEEDS: [Deed; 8] = [
    Deed {
        name: "terminal shell",
        imitates: "an intruder works by hand in a container",
        technique: "T1059.004",
        rule: "Terminal shell started in a container",
        shows: "controlled by 34816",
        act: act::terminal_shell,
    },
    Deed {
        name: "password hashes",
        imitates: "password hashes are taken away to be cracked",
        technique: "T1003.008",
        rule: "Password file read in a container",
        shows: "$nightjar.demo$",
        act: act::read_shadow,
    },
    Deed {
        name: "reverse shell",
        imitates: "a shell calls its master and obeys",
        technique: "T1059.004",
        rule: "Reverse shell by its command line",
        shows: "obeyed as uid 0",
        act: act::reverse_shell,
    },
    Deed {
        name: "cloud metadata",
        imitates: "the node's cloud credentials are asked for",
        technique: "T1552.005",
        rule: "Cloud metadata service contacted by a tool",
        shows: "no-such-role",
        act: act::ask_metadata,
    },
    Deed {
        name: "program in memory",
        imitates: "malware runs without ever being a file",
        technique: "T1620",
        rule: "Program started from memory",
        shows: "ran from memory",
        act: act::run_from_memory,
    },
    Deed {
        name: "dropped program",
        imitates: "a miner is downloaded and started",
        technique: "T1105",
        rule: "Program that is not part of the image",
        shows: "ran a dropped program",
        act: act::run_dropped,
    },
    Deed {
        name: "scheduled job",
        imitates: "malware makes sure that it is started again",
        technique: "T1053.003",
        rule: "Scheduled task or service installed",
        shows: "* * * * * root /tmp/kdevtmpfsi",
        act: act::plant_cron_job,
    },
    Deed {
        name: "container escape",
        imitates: "the host is told to run a program of the container's at the next crash",
        technique: "T1611",
        rule: "Container escape through a kernel helper",
        shows: "|/tmp/escape",
        act: act::write_core_pattern,
    },
];

#[cfg(test)]
mod tests {
    use std::{
        fs,
        path::{Path, PathBuf},
    };

    use super::*;

    fn rule_files(dir: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(dir).unwrap_or_else(|e| panic!("{}: {e}", dir.display())) {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => rule_files(&path, found),
                false => found.extend(path.extension().is_some_and(|e| e == "yaml").then_some(path)),
            }
        }
    }

    #[test]
    fn every_deed_has_its_rule_in_our_own_rule_files() {
        let mut files = Vec::new();
        rule_files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../rules"), &mut files);
        let text: String = files.iter().map(|file| fs::read_to_string(file).unwrap()).collect();
        let rules: Vec<&str> = text
            .lines()
            .filter_map(|line| line.trim_start().strip_prefix("- rule:"))
            .map(|name| name.trim().trim_matches(['"', '\'']))
            .collect();
        for deed in &DEEDS {
            assert!(rules.contains(&deed.rule), "no rule is named `{}`: {rules:#?}", deed.rule);
        }
    }

    #[test]
    fn no_two_deeds_share_a_name_or_a_rule() {
        for (i, deed) in DEEDS.iter().enumerate() {
            for other in &DEEDS[i + 1..] {
                assert_ne!(deed.name, other.name);
                assert_ne!(deed.rule, other.rule, "one alert could stand for both");
            }
        }
    }
}
