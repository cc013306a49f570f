//! Which kernels, and how they are got: packages of Debian's suites, unpacked, never installed.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

use crate::{apt::Apt, sh};

pub struct Series {
    pub name: &'static str,
    suite: &'static str,
    /// Whether it may be missing: a suite that does not always have a kernel.
    pub optional: bool,
}

const fn series(name: &'static str, suite: &'static str) -> Series {
    Series { name, suite, optional: false }
}

pub const SERIES: [Series; 5] = [
    series("5.10", "bullseye"),
    series("6.1", "bookworm"),
    series("6.12", "trixie"),
    series("sid", "sid"),
    Series { name: "experimental", suite: "experimental", optional: true },
];

pub struct Kernel {
    pub version: String,
    pub image: PathBuf,
    /// The module of overlayfs; newer suites have modules in a package of their own, which is not fetched.
    pub overlay: Option<PathBuf>,
}

impl Kernel {
    fn new(unpacked: &Path, version: String, image: PathBuf) -> Kernel {
        let module = |root: &str, name: &str| {
            unpacked.join(root).join(&version).join("kernel/fs/overlayfs").join(name)
        };
        let places = [("lib/modules", "overlay.ko"), ("usr/lib/modules", "overlay.ko.xz")];
        let overlay = places.map(|(root, name)| module(root, name)).into_iter().find(|path| path.exists());
        Kernel { version, image, overlay }
    }
}

/// Depends on the newest kernel of its suite. The flavour for virtual machines has no drivers that QEMU has no use
/// for: it is a third of the size.
const NEWEST: &str = "linux-image-cloud-amd64";

/// The newest kernel of a series; one that is here already unless newer ones are asked for.
pub fn provide(series: &Series, refresh: bool) -> Result<Kernel> {
    let dir = super::dir().join("kernels").join(series.name);
    let unpacked = dir.join("root");
    if !refresh && let Some(kernel) = find(&unpacked)? {
        return Ok(kernel);
    }
    let apt = Apt::new(series.suite, dir.join("apt"))?;
    let package = package_with_image(&apt)?;
    println!("fetching {package}");
    sh::run(apt.get().current_dir(&apt.dir).args(["download", &package]))?;
    let file = only_package(&apt.dir)?;
    if unpacked.exists() {
        fs::remove_dir_all(&unpacked).with_context(|| format!("remove {}", unpacked.display()))?;
    }
    sh::run(Command::new("dpkg").arg("-x").args([&file, &unpacked]))?;
    fs::remove_dir_all(&apt.dir).with_context(|| format!("remove {}", apt.dir.display()))?;
    find(&unpacked)?.with_context(|| format!("{package} has no kernel image"))
}

/// The one image of an unpacked package: boot/vmlinuz-VERSION, or in newer suites usr/lib/modules/VERSION/vmlinuz.
fn find(unpacked: &Path) -> Result<Option<Kernel>> {
    for entry in list(&unpacked.join("boot"))? {
        if let Some(version) = entry.name.strip_prefix("vmlinuz-") {
            return Ok(Some(Kernel::new(unpacked, version.to_owned(), entry.path)));
        }
    }
    for entry in list(&unpacked.join("usr/lib/modules"))? {
        let image = entry.path.join("vmlinuz");
        if image.exists() {
            return Ok(Some(Kernel::new(unpacked, entry.name, image)));
        }
    }
    Ok(None)
}

struct Entry {
    name: String,
    path: PathBuf,
}

/// What a directory holds; nothing when there is none.
fn list(dir: &Path) -> Result<Vec<Entry>> {
    if !dir.is_dir() {
        return Ok(Vec::new());
    }
    let read = || -> std::io::Result<Vec<Entry>> {
        fs::read_dir(dir)?
            .map(|entry| {
                let entry = entry?;
                Ok(Entry { name: entry.file_name().to_string_lossy().into_owned(), path: entry.path() })
            })
            .collect()
    };
    read().with_context(|| format!("list {}", dir.display()))
}

fn only_package(dir: &Path) -> Result<PathBuf> {
    let package = list(dir)?.into_iter().find(|entry| entry.name.ends_with(".deb"));
    Ok(package.with_context(|| format!("apt-get download left no package in {}", dir.display()))?.path)
}

/// What the metapackage leads to. In newer suites the image is in a package that linux-image-* depends on.
fn package_with_image(apt: &Apt) -> Result<String> {
    let image =
        depends_on(apt, NEWEST, "linux-image-")?.with_context(|| format!("{NEWEST} leads nowhere"))?;
    Ok(depends_on(apt, &image, "linux-binary-")?.unwrap_or(image))
}

fn depends_on(apt: &Apt, package: &str, prefix: &str) -> Result<Option<String>> {
    let text = sh::read(apt.with_own_lists("apt-cache").args(["show", "--no-all-versions", package]))?;
    Ok(dependency(&text, prefix))
}

/// The first package with this prefix that a record depends on.
fn dependency(record: &str, prefix: &str) -> Option<String> {
    let list = record.lines().find_map(|line| line.strip_prefix("Depends: "))?;
    let names = list.split(", ").filter_map(|item| item.split(' ').next());
    names.map(str::to_owned).find(|name| name.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_metapackage_leads_to_the_image() {
        let record = "Package: linux-image-cloud-amd64\nVersion: 7.2.13-1\nDepends: linux-base-cloud-amd64 (= 7.2.13-1), \
                      linux-image-7.2.13+deb14-cloud-amd64 (= 7.2.13-1)\n";
        assert_eq!(
            dependency(record, "linux-image-").as_deref(),
            Some("linux-image-7.2.13+deb14-cloud-amd64")
        );
        assert_eq!(dependency(record, "linux-binary-"), None);
        assert_eq!(dependency("Package: x\n", "linux-image-"), None);
    }

    #[test]
    fn an_unpacked_package_tells_its_version() {
        let dir = tempfile::tempdir().unwrap();
        assert!(find(dir.path()).unwrap().is_none());
        sh::write_file(&dir.path().join("boot/config-6.1.0"), "").unwrap();
        assert!(find(dir.path()).unwrap().is_none());
        sh::write_file(&dir.path().join("boot/vmlinuz-6.1.0"), "").unwrap();
        let module = dir.path().join("lib/modules/6.1.0/kernel/fs/overlayfs/overlay.ko");
        sh::write_file(&module, "").unwrap();
        let kernel = find(dir.path()).unwrap().unwrap();
        assert_eq!((kernel.version.as_str(), kernel.overlay), ("6.1.0", Some(module)));
        let dir = tempfile::tempdir().unwrap();
        sh::write_file(&dir.path().join("usr/lib/modules/7.2.13+deb14/vmlinuz"), "").unwrap();
        assert_eq!(find(dir.path()).unwrap().unwrap().version, "7.2.13+deb14");
    }
}
