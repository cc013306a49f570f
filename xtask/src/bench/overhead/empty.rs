//! The kernel side with programs that do nothing: what the agent attaches then costs what its hooks alone cost.

use anyhow::{Context, Result};
use object::{
    build::elf::{Builder, SectionData},
    elf::{SHF_EXECINSTR, SHT_REL, SHT_STRTAB, STT_FUNC},
};

/// `r0 = 0; exit`
const PROGRAM: [u8; 16] = [0xb7, 0, 0, 0, 0, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0];

/// Where functions are that programs call.
const FUNCTIONS: &[u8] = b".text";

/// Notes about the instructions, which are others now.
const NOTES: &[u8] = b".BTF.ext";

/// The same programs and maps, but each program ends at once.
pub fn empty(object: &[u8]) -> Result<Vec<u8>> {
    let mut builder = Builder::read64(object).context("read the eBPF object")?;
    for symbol in &mut builder.symbols {
        let Some(section) = symbol.section.filter(|_| symbol.st_type() == STT_FUNC) else { continue };
        let section = builder.sections.get_mut(section);
        let SectionData::Data(code) = &mut section.data else { continue };
        // Nobody calls these any more.
        if *section.name == *FUNCTIONS {
            continue;
        }
        let at = symbol.st_value as usize;
        let begin =
            code.to_mut().get_mut(at..at + PROGRAM.len()).context("a program is outside its section")?;
        begin.copy_from_slice(&PROGRAM);
        symbol.st_size = PROGRAM.len() as u64;
    }
    let is_code =
        |section: &object::build::elf::Section<'_>| section.sh_flags & u64::from(SHF_EXECINSTR) != 0;
    let code: Vec<_> = builder.sections.iter().filter(|s| is_code(s)).map(|s| s.id()).collect();
    for section in &mut builder.sections {
        let of_code = section.sh_info_section.is_some_and(|section| code.contains(&section));
        let about_notes = section.name.ends_with(NOTES);
        section.delete = about_notes || section.sh_type == SHT_REL && of_code;
    }
    // The linker has one section for the names of both, the builder one for each.
    let names = builder.sections.add();
    names.name = ".shstrtab".into();
    names.sh_type = SHT_STRTAB;
    names.sh_addralign = 1;
    names.data = SectionData::SectionString;
    let mut bytes = Vec::new();
    builder.write(&mut bytes).context("write the eBPF object")?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use object::{Object, ObjectSection, ObjectSymbol, SymbolKind};

    use super::*;
    use crate::sh;

    #[test]
    fn every_program_is_there_and_ends_at_once() {
        let whole = std::fs::read(sh::root().join("agent-ebpf/prebuilt/nightjar.bpf.o")).unwrap();
        let empty = empty(&whole).unwrap();
        let names = |file: &object::File<'_>| {
            let programs = file.symbols().filter(|symbol| symbol.kind() == SymbolKind::Text);
            programs.map(|symbol| symbol.name().unwrap().to_owned()).collect::<Vec<_>>()
        };
        let (whole, empty) = (object::File::parse(&*whole).unwrap(), object::File::parse(&*empty).unwrap());
        assert_eq!(names(&empty), names(&whole));
        for symbol in empty.symbols().filter(|symbol| symbol.kind() == SymbolKind::Text) {
            let section = empty.section_by_index(symbol.section_index().unwrap()).unwrap();
            if section.name_bytes().unwrap() == FUNCTIONS {
                continue;
            }
            assert_eq!(section.data_range(symbol.address(), symbol.size()).unwrap(), Some(&PROGRAM[..]));
            assert_eq!(section.relocations().count(), 0);
        }
    }
}
