//! What a scope takes in and what it leaves out. That it holds in the kernel is tested in tests/kernel/scope.rs.

use super::*;

fn scope(texts: &[&str]) -> Scope {
    Scope::parse(&texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>()).unwrap()
}

fn error(text: &str) -> String {
    Scope::parse(&[text.to_owned()]).unwrap_err().to_string()
}

fn web() -> Container {
    Container {
        id: "0123456789abcdef".repeat(4),
        name: "web".into(),
        pod_name: "web-7f9c".into(),
        pod_namespace: "shop".into(),
        ..Container::default()
    }
}

const PATH: &str = "/kubepods/pod1/web/inner";

fn verdict(scope: &Scope, container: Option<&Container>, settled: bool) -> Verdict {
    scope.verdict(container, &Known { path: Some(PATH), settled })
}

#[test]
fn nothing_said_and_all_are_everything() {
    assert_eq!(scope(&[]), Scope::All);
    assert_eq!(scope(&["all"]), Scope::All);
    assert_eq!(scope(&["containers", "all"]), Scope::All);
    assert_eq!(scope(&["containers"]), Scope::Only(vec![Target::Containers]));
    assert_eq!(verdict(&Scope::All, None, true), Verdict::In);
}

#[test]
fn a_scope_reads_as_it_was_written() {
    for text in ["all", "containers", "container=web pod=shop/* pod=db cgroup=/system.slice"] {
        let texts: Vec<_> = text.split(' ').collect();
        assert_eq!(scope(&texts).to_string(), text);
    }
}

#[test]
fn what_is_no_scope_is_refused_with_what_is_one() {
    assert!(error("container").ends_with("; did you mean `containers`?"));
    assert!(error("containers=web").ends_with("; did you mean `container`?"));
    assert_eq!(
        error("contaners"),
        "`contaners` is no scope: expected all, containers, container=NAME, pod=NAMESPACE/NAME or cgroup=PATH; \
         did you mean `containers`?"
    );
    assert!(error("user=root").ends_with("or cgroup=PATH"));
    assert_eq!(error("pod=/web"), "scope `pod=/web` has an empty name");
    assert_eq!(error("cgroup=docker"), "scope `cgroup=docker`: the path of a cgroup begins with a slash");
}

#[test]
fn a_container_is_meant_by_its_name_its_id_or_the_beginning_that_is_shown_of_it() {
    let web = web();
    for (text, expected) in [
        ("containers", Verdict::In),
        ("container=web", Verdict::In),
        ("container=w*", Verdict::In),
        ("container=0123456789ab", Verdict::In),
        ("container=0123456789a", Verdict::Out),
        ("container=we", Verdict::Out),
        ("pod=shop/web-*", Verdict::In),
        ("pod=web-7f9c", Verdict::In),
        ("pod=other/web-7f9c", Verdict::Out),
        ("cgroup=/kubepods", Verdict::In),
        ("cgroup=/kubepods/pod1/web/inner", Verdict::In),
        ("cgroup=/*/pod1", Verdict::In),
        ("cgroup=/kube", Verdict::Out),
    ] {
        assert_eq!(verdict(&scope(&[text]), Some(&web), true), expected, "{text}");
        assert_eq!(verdict(&scope(&["container=other", text]), Some(&web), true), expected, "{text}");
    }
}

#[test]
fn nothing_is_out_of_scope_before_it_is_known_whose_it_is() {
    assert_eq!(verdict(&scope(&["containers"]), None, false), Verdict::Open);
    assert_eq!(verdict(&scope(&["containers"]), None, true), Verdict::Out);
    // A cgroup's path is known at once.
    assert_eq!(verdict(&scope(&["cgroup=/system.slice"]), None, false), Verdict::Out);
    let nameless = Container { name: String::new(), missing: vec!["name".into()], ..web() };
    assert_eq!(verdict(&scope(&["container=web"]), Some(&nameless), false), Verdict::Maybe);
    assert_eq!(verdict(&scope(&["container=web"]), Some(&nameless), true), Verdict::Out);
    // One that was meant by its id is not this one, whatever its name.
    let other = scope(&["container=ba9876543210"]);
    assert_eq!(verdict(&other, Some(&nameless), false), Verdict::Open);
    let lost = Known { path: None, settled: false };
    assert_eq!(scope(&["containers"]).verdict(None, &lost), Verdict::In);
}

#[test]
fn a_pod_whose_name_is_not_known_is_no_pod_of_any_name() {
    let bare = Container { pod_name: String::new(), pod_namespace: String::new(), ..web() };
    assert_eq!(verdict(&scope(&["pod=*"]), Some(&bare), true), Verdict::Out);
}

#[test]
fn what_a_container_in_scope_makes_below_its_cgroup_is_in_scope_whatever_it_is_called() {
    let mut homes = Homes(HashSet::new());
    assert!(!homes.are_above("/docker/a"));
    homes.note("/docker/a");
    assert!(homes.are_above("/docker/a/docker/b"));
    assert!(!homes.are_above("/docker/a"), "it speaks for itself");
    assert!(!homes.are_above("/docker/ab/c"));
    for n in 0..2 * MUTED_MAX {
        homes.note(&format!("/{n}"));
    }
    assert!(homes.0.len() <= MUTED_MAX as usize);
}
