//! What jobs may reach of the server's own machine: its files, its environment, its network.
//!
//! Whoever writes jobs from afar must not read the server's files with them, nor overwrite its
//! state. An admin opens folders (file roots), environment variables by name, and private networks;
//! databases may be anywhere. Jobs of the command line are not asked.

use std::net::IpAddr;
use std::path::{Component, Path, PathBuf};

use serde_json::Value;
use syncline_connector::Endpoint;
use syncline_engine::Job;
use syncline_store::{Settings, Store};
use syncline_types::{Code, Error, Result};

/// Schemes of databases that are spoken to over a network.
const DATABASES: &[&str] = &["mysql", "mariadb", "postgres", "postgresql"];
/// Schemes of stores that are nowhere.
const NOWHERE: &[&str] = &["stream"];
/// Schemes of stores that speak HTTP: with them somebody could ask the server's own network.
const HTTP: &[&str] = &["http", "https", "elasticsearch", "opensearch", "s3"];
/// Options of databases that name files of the server's machine.
const FILE_OPTIONS: &[&str] = &["socket", "ca", "sslrootcert", "sslcert", "sslkey"];
/// Words of SQLite's statements with which one file reaches others.
const REACHING: &[&str] = &["attach", "vacuum", "load_extension", "temp_store_directory"];

/// What jobs may reach of the server's own machine.
#[derive(Debug, Clone, Default)]
pub(crate) struct Bounds {
    file_roots: Vec<PathBuf>,
    private_networks: bool,
    environment: Vec<String>,
    /// Where the server's own state lies, which is open to nobody.
    own: Option<PathBuf>,
}

impl Bounds {
    /// What the settings of a state open.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub(crate) fn of(store: &Store) -> Result<Self> {
        let settings = store.settings()?.settings;
        Ok(Self::new(&settings, store.folder().canonicalize().ok()))
    }

    fn new(settings: &Settings, own: Option<PathBuf>) -> Self {
        Self {
            own,
            file_roots: settings.file_roots.iter().map(PathBuf::from).collect(),
            private_networks: settings.allow_private_networks,
            environment: settings.environment.clone(),
        }
    }

    /// Refuses an environment variable that is not open to jobs.
    ///
    /// # Errors
    /// [`Code::OutOfBounds`].
    pub(crate) fn variable(&self, name: &str) -> Result<()> {
        if self.environment.iter().any(|open| open == name) {
            return Ok(());
        }
        let message = format!("the environment variable {name} is not open to jobs");
        Err(Error::new(Code::OutOfBounds, message).hint(
            "keep the password in a connection; or an admin names the variable in the settings \
             (environment)",
        ))
    }

    /// Refuses a job that reaches what is not open.
    ///
    /// # Errors
    /// [`Code::OutOfBounds`].
    pub(crate) fn job(&self, job: &Job) -> Result<()> {
        self.endpoint(&job.source).map_err(|e| e.at("source"))?;
        self.endpoint(&job.sink).map_err(|e| e.at("sink"))?;
        let asked = job.query.iter().chain(&job.filter);
        one_file_only(&job.source, asked).map_err(|e| e.at("source"))?;
        one_file_only(&job.sink, job.before.iter().chain(&job.after)).map_err(|e| e.at("sink"))?;
        for step in job.source_processors.iter().chain(&job.sink_processors) {
            if let Some(name) = variable_of(step) {
                self.variable(name).map_err(|e| e.at("processors"))?;
            }
        }
        Ok(())
    }

    /// Refuses a store that is not open.
    ///
    /// # Errors
    /// [`Code::OutOfBounds`].
    pub(crate) fn endpoint(&self, endpoint: &Endpoint) -> Result<()> {
        let scheme = endpoint.scheme.as_str();
        for (option, value) in &endpoint.options {
            if FILE_OPTIONS.contains(&option.as_str()) {
                self.path(value).map_err(|e| e.at(option))?;
            }
        }
        if NOWHERE.contains(&scheme) || DATABASES.contains(&scheme) {
            return Ok(());
        }
        if HTTP.contains(&scheme) {
            return endpoint.hosts.iter().try_for_each(|host| self.host(&host.host));
        }
        if endpoint.hosts.is_empty() {
            return self.path(&endpoint.path);
        }
        let message = format!("{}: no store of this kind is open to jobs", endpoint.redacted());
        Err(Error::new(Code::OutOfBounds, message))
    }

    /// Refuses a host in a private network, unless those are open. Names are looked up, for what
    /// counts is where they lead.
    ///
    /// # Errors
    /// [`Code::OutOfBounds`]; [`Code::Unreachable`] for a name that leads nowhere.
    pub(crate) fn host(&self, host: &str) -> Result<()> {
        use std::net::ToSocketAddrs as _;
        if self.private_networks {
            return Ok(());
        }
        let found = (host, 0).to_socket_addrs().map_err(|e| {
            Error::new(Code::Unreachable, format!("the host {host:?} is not known")).because(e)
        })?;
        for address in found {
            if is_private(address.ip()) {
                let message = format!("{host}: private networks are not open to jobs");
                return Err(Error::new(Code::OutOfBounds, message)
                    .hint("an admin opens them in the settings (allow_private_networks)"));
            }
        }
        Ok(())
    }

    /// Refuses a path, glob or pattern of target files that does not stay in an open folder,
    /// wherever links lead.
    ///
    /// # Errors
    /// [`Code::OutOfBounds`].
    pub(crate) fn path(&self, text: &str) -> Result<()> {
        let refused =
            |why: &str| Error::new(Code::OutOfBounds, format!("{text:?}: {why}")).hint(self.hint());
        let path = Path::new(text);
        if text.contains('\0') || !path.is_absolute() {
            return Err(refused("jobs on a server name files by their whole path"));
        }
        if path.components().any(|part| part == Component::ParentDir) {
            return Err(refused("the path goes upwards"));
        }
        // Up to the first part that stands for several names, it can be followed.
        let several = |part: &Component<'_>| {
            part.as_os_str().to_string_lossy().contains(['*', '?', '[', ']', '{', '}'])
        };
        let fixed: PathBuf = path.components().take_while(|part| !several(part)).collect();
        let open = |beyond: &Path| {
            let roots = self.file_roots.iter().filter_map(|root| root.canonicalize().ok());
            roots.into_iter().any(|root| beyond.starts_with(&root))
        };
        let real = followed(&fixed).map_err(|e| refused("cannot be looked at").because(e))?;
        if !open(&real) {
            return Err(refused("the file is not in a folder that is open to jobs"));
        }
        let patterns = path.components().count() - fixed.components().count();
        let meets =
            |own: &PathBuf| real.starts_with(own) || (patterns > 0 && own.starts_with(&real));
        if self.own.as_ref().is_some_and(meets) {
            return Err(refused("the server keeps its own state there"));
        }
        let leads_out = |folder: &Path, depth: usize| links_out(folder, depth, &open);
        if let Some(link) = leads_out(&real, patterns.max(1)) {
            let why = format!("{} leads out of the open folders", link.display());
            return Err(refused(&why));
        }
        Ok(())
    }

    fn hint(&self) -> String {
        if self.file_roots.is_empty() {
            return "no folder is open to jobs: an admin names some in the settings (file_roots)"
                .into();
        }
        let roots: Vec<String> = self.file_roots.iter().map(|r| r.display().to_string()).collect();
        format!("open are {}; an admin changes it in the settings (file_roots)", roots.join(", "))
    }
}

/// A path with its links followed as far as it is there; what is not there yet has none.
fn followed(path: &Path) -> std::io::Result<PathBuf> {
    let mut missing = Vec::new();
    let mut at = path;
    loop {
        match at.symlink_metadata() {
            Ok(_) => break,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                let (Some(parent), Some(name)) = (at.parent(), at.file_name()) else {
                    return Err(e);
                };
                missing.push(name.to_owned());
                at = parent;
            }
            Err(e) => return Err(e),
        }
    }
    // A link that leads nowhere would be made where it leads to.
    let mut real = at.canonicalize()?;
    real.extend(missing.iter().rev());
    Ok(real)
}

/// A link in a folder, so many levels deep, that leads out of what is open.
fn links_out(folder: &Path, depth: usize, open: &impl Fn(&Path) -> bool) -> Option<PathBuf> {
    for entry in std::fs::read_dir(folder).ok()?.flatten() {
        let path = entry.path();
        let kind = entry.file_type().ok()?;
        if kind.is_symlink() && !path.canonicalize().is_ok_and(|real| open(&real)) {
            return Some(path);
        }
        if depth > 1 && path.is_dir() {
            let found = links_out(&path, depth - 1, open);
            if found.is_some() {
                return found;
            }
        }
    }
    None
}

/// Refuses statements with which an SQLite file reaches other files.
fn one_file_only<'a>(
    endpoint: &Endpoint,
    statements: impl Iterator<Item = &'a String>,
) -> Result<()> {
    if !endpoint.scheme.starts_with("sqlite") {
        return Ok(());
    }
    for statement in statements {
        let words = statement.split(|c: char| !c.is_alphanumeric() && c != '_');
        if let Some(word) =
            words.into_iter().find(|w| REACHING.contains(&w.to_lowercase().as_str()))
        {
            let message = format!("{word} is not open to jobs: it reaches other files");
            return Err(Error::new(Code::OutOfBounds, message)
                .hint("refused wherever the word stands, in texts and comments too"));
        }
    }
    Ok(())
}

/// The environment variable that a step takes its key from.
fn variable_of(step: &Value) -> Option<&str> {
    step.get("mask")?.get("key")?.get("env")?.as_str()
}

/// Whether an address is of this machine, a private network, or no single host at all.
fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            v4.is_private()
                || v4.is_loopback()
                || v4.is_link_local()
                || v4.is_unspecified()
                || v4.is_broadcast()
                || v4.is_multicast()
                || v4.is_documentation()
                || a == 0
                || a >= 240
                || (a == 100 && (64..128).contains(&b))
                || (a == 192 && b == 0 && v4.octets()[2] == 0)
                || (a == 198 && (b == 18 || b == 19))
        }
        IpAddr::V6(v6) => {
            let segments = v6.segments();
            let inner = v6.to_ipv4_mapped().or_else(|| match segments {
                // NAT64, 6to4 and the old compatible form carry an address of the other kind.
                [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0, 0, 0, 0, 0, 0, high, low] => {
                    Some((u32::from(high) << 16 | u32::from(low)).into())
                }
                [0x2002, high, low, ..] => Some((u32::from(high) << 16 | u32::from(low)).into()),
                _ => None,
            });
            v6.is_loopback()
                || v6.is_unspecified()
                || v6.is_multicast()
                || segments[0] & 0xfe00 == 0xfc00
                || segments[0] & 0xffc0 == 0xfe80
                || segments[0] & 0xffc0 == 0xfec0
                || inner.is_some_and(|v4| is_private(IpAddr::V4(v4)))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use proptest::prelude::*;

    use super::*;

    fn bounds(root: &Path) -> Bounds {
        Bounds { file_roots: vec![root.to_owned()], ..Bounds::default() }
    }

    fn refused(result: Result<()>) -> bool {
        result.is_err_and(|e| e.code() == Code::OutOfBounds)
    }

    #[test]
    fn files_stay_in_the_open_folders() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("open");
        std::fs::create_dir_all(root.join("deep/er")).unwrap();
        std::fs::create_dir_all(folder.path().join("open-not")).unwrap();
        std::fs::write(root.join("a.csv"), "x").unwrap();
        std::fs::write(folder.path().join("secret"), "x").unwrap();
        let bounds = bounds(&root);
        let at = |name: &str| bounds.path(root.join(name).to_str().unwrap());
        for name in ["a.csv", "new/{table}.csv", "*.csv", "deep/*/x", "", "out/{schema}/{table}"] {
            assert!(at(name).is_ok(), "{name}: {:?}", at(name));
        }
        for name in ["../secret", "deep/../../secret", "x/../a.csv", "../open-not/x"] {
            assert!(refused(at(name)), "{name}");
        }
        let beside = folder.path().join("open-not/x");
        assert!(refused(bounds.path(beside.to_str().unwrap())));
        for text in ["a.csv", "-", "", "file:/etc/passwd", "/etc/passwd", "/", "/*/passwd", "/a\0"]
        {
            assert!(refused(bounds.path(text)), "{text:?}");
        }
        assert!(refused(Bounds::default().path(root.join("a.csv").to_str().unwrap())));
    }

    #[test]
    fn the_servers_own_folder_is_open_to_nobody() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        std::fs::create_dir_all(root.join("state")).unwrap();
        let settings =
            Settings { file_roots: vec![root.display().to_string()], ..Settings::default() };
        let bounds = Bounds::new(&settings, Some(root.join("state")));
        let at = |name: &str| bounds.path(root.join(name).to_str().unwrap());
        for name in ["state/syncline.db", "state", "*/syncline.db", "{schema}/x"] {
            assert!(refused(at(name)), "{name}");
        }
        assert!(at("stated.csv").is_ok());
    }

    #[test]
    fn links_lead_nowhere_else() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("open");
        std::fs::create_dir_all(root.join("inner")).unwrap();
        std::fs::write(folder.path().join("secret.csv"), "x").unwrap();
        let bounds = bounds(&root);
        let at = |name: &str| bounds.path(root.join(name).to_str().unwrap());
        symlink(root.join("inner"), root.join("fine")).unwrap();
        assert!(at("fine/a.csv").is_ok());
        assert!(at("*.csv").is_ok());
        symlink(folder.path(), root.join("inner/up")).unwrap();
        assert!(refused(at("inner/up/secret.csv")));
        assert!(refused(at("inner/*/secret.csv")));
        assert!(refused(at("*/up/secret.csv")));
        symlink(folder.path().join("new.csv"), root.join("dangling.csv")).unwrap();
        assert!(at("dangling.csv").is_err());
        symlink(folder.path().join("secret.csv"), root.join("link.csv")).unwrap();
        for name in ["link.csv", "*.csv", ""] {
            assert!(refused(at(name)), "{name}");
        }
        // The root itself may be a link of the admin's.
        let way = folder.path().join("way");
        symlink(root.join("inner"), &way).unwrap();
        std::fs::remove_file(root.join("inner/up")).unwrap();
        let through = Bounds { file_roots: vec![way.clone()], ..Bounds::default() };
        assert!(through.path(way.join("a.csv").to_str().unwrap()).is_ok());
    }

    #[test]
    fn stores_and_their_options_are_looked_at() {
        let root = tempfile::tempdir().unwrap();
        let open = bounds(root.path());
        let inside = root.path().display();
        let check = |bounds: &Bounds, url: &str| bounds.endpoint(&Endpoint::parse(url).unwrap());
        for url in [
            "mysql://u@127.0.0.1/db".to_owned(),
            "postgres://u@10.0.0.1/db".into(),
            "stream:?rows=5".into(),
            format!("sqlite:{inside}/x.db"),
            format!("postgres://u@h/db?sslrootcert={inside}/ca.pem"),
        ] {
            assert!(check(&open, &url).is_ok(), "{url}");
        }
        for url in [
            "/etc/passwd",
            "data/a.csv",
            "-",
            "file:///etc/passwd",
            "sqlite:/var/lib/x.db",
            "sqlite:x.db",
            "sqlite:file:/etc/x",
            "mysql://u@h/db?ca=/etc/shadow",
            "mysql://u@h/db?socket=/run/mysqld.sock",
            "postgres://u@h/db?sslkey=/etc/key",
            "ftp://h/x",
            "http://127.0.0.1/x",
            "elasticsearch://[::ffff:10.0.0.1]:9200/x",
        ] {
            assert!(refused(check(&open, url)), "{url}");
        }
        let networks = Bounds { private_networks: true, ..Bounds::default() };
        assert!(check(&networks, "http://127.0.0.1/x").is_ok());
        assert!(open.variable("PATH").is_err());
        let named = Bounds { environment: vec!["PATH".into()], ..Bounds::default() };
        assert!(named.variable("PATH").is_ok() && named.variable("PAT").is_err());
    }

    #[test]
    fn an_sqlite_file_reaches_no_other() {
        let root = tempfile::tempdir().unwrap();
        let file = Endpoint::parse(&format!("sqlite:{}/x.db", root.path().display())).unwrap();
        let with = |change: fn(&mut Job)| {
            let mut job = Job::new("j", file.clone(), file.clone());
            change(&mut job);
            bounds(root.path()).job(&job)
        };
        assert!(with(|_| {}).is_ok());
        assert!(with(|job| job.before = vec!["DELETE FROM attached".into()]).is_ok());
        assert!(refused(with(|job| job.before = vec!["aTTach '/etc/x' AS y".into()])));
        assert!(refused(with(|job| job.after = vec!["VACUUM INTO '/etc/x'".into()])));
        assert!(refused(with(|job| job.query = Some("select load_extension('x')".into()))));
        let key = serde_json::json!({ "mask": { "columns": ["a"], "key": { "env": "HOME" } } });
        let mut job = Job::new("j", file.clone(), file.clone());
        job.sink_processors = vec![key];
        assert!(refused(bounds(root.path()).job(&job)));
    }

    #[test]
    fn addresses_of_ones_own_network_are_known_in_every_form() {
        for text in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "0.0.0.0",
            "100.64.0.1",
            "255.255.255.255",
            "224.0.0.1",
            "::1",
            "::",
            "fe80::1",
            "fd00::1",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::a00:1",
            "2002:7f00:1::",
            "::127.0.0.1",
            "198.18.0.1",
            "192.0.0.8",
        ] {
            assert!(is_private(text.parse().unwrap()), "{text}");
        }
        for text in ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "172.32.0.1", "100.128.0.1"] {
            assert!(!is_private(text.parse().unwrap()), "{text}");
        }
    }

    proptest! {
        /// Whatever the path is, what it leads to lies in the open folder when it is let through.
        #[test]
        fn no_path_leads_out(parts in prop::collection::vec("[a.*]{1,3}|\\.\\.|sub|out|\\{table\\}", 0..6)) {
            let folder = tempfile::tempdir().unwrap();
            let root = folder.path().canonicalize().unwrap().join("root");
            std::fs::create_dir_all(root.join("sub")).unwrap();
            symlink(folder.path(), root.join("sub/out")).unwrap();
            let path = root.join(parts.join("/"));
            if bounds(&root).path(path.to_str().unwrap()).is_ok() {
                let mut at = PathBuf::from("/");
                for part in path.components() {
                    at.push(part);
                    if let Ok(real) = at.canonicalize() {
                        let above = root.starts_with(&real);
                        prop_assert!(above || real.starts_with(&root), "{}", path.display());
                    }
                }
            }
        }
    }
}
