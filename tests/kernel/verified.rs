//! How many instructions the verifier walks through for each program: said for `cargo xtask vm`, which compares.

use nightjar_tests::{Eyes, verified};

#[test]
fn the_kernel_tells_the_verifiers_work_of_every_program_or_of_none() {
    let _eyes = Eyes::open();
    let (told, attached) = verified();
    told.iter().for_each(|(program, count)| println!("verified: {program} {count}"));
    assert!(told.is_empty() || told.len() == attached, "{told:?} of {attached}");
    assert!(told.iter().all(|(_, count)| *count > 0), "{told:?}");
    // Known from 5.16 on.
    let release = rustix::system::uname().release().to_string_lossy().into_owned();
    let mut numbers = release.split(['.', '-']).map_while(|number| number.parse::<u32>().ok());
    let version = (numbers.next().unwrap(), numbers.next().unwrap());
    assert_eq!(told.is_empty(), version < (5, 16), "{release}");
}
