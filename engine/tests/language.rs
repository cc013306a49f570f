//! One file with every production of the language, against the engine's own fields.

use nightjar_engine::rule::{Priority, Source, load};

#[test]
fn every_production_loads_and_judges_as_its_tests_say() {
    let source = Source { name: "language.yaml".to_owned(), text: include_str!("language.yaml").to_owned() };
    let loaded = load(&[source]).unwrap_or_else(|errors| {
        panic!("{}", errors.iter().map(|error| format!("{error}\n")).collect::<String>())
    });
    assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
    let mut wrong = Vec::new();
    for test in loaded.rules.tests() {
        if !loaded.rules.try_test(test).unwrap().passed {
            wrong.push(format!("line {}: {}: {}", test.line, test.rule, test.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let rules: Vec<_> = loaded.rules.rules().collect();
    let last = rules.last().unwrap();
    assert!(!last.enabled && last.priority == Priority::Emergency);
    let exceptions = rules.iter().find(|rule| rule.name == "Exceptions").unwrap();
    assert_eq!((exceptions.priority, exceptions.tags.as_slice()), (Priority::Alert, &["c".to_owned()][..]));
}
