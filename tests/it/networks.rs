//! Lists that disagree because their endpoints lie in different networks: what `plan` and `check` offer for the config.

use crate::support::client::ask;
use crate::support::server::Server;
use crate::support::site::Site;

const ACCOUNT: &str = "acct.blob.core.windows.net";
const PRIVATE: &str = "acct.privatelink.blob.core.windows.net";

/// The lines for the config in what a verb printed.
fn offered(printed: &str) -> String {
    let lines = printed.lines().skip_while(|line| !line.starts_with("[[") && !line.starts_with("# [["));
    let text: Vec<&str> =
        lines.take_while(|line| line.is_empty() || line.contains(" = ") || line.contains("[[")).collect();
    text.join("\n")
}

fn hears(server: &Server, client: &str) -> Vec<String> {
    ask(PRIVATE, "A").from(client.parse().unwrap()).to(server.address()).addresses()
}

#[test]
fn the_views_that_plan_offers_for_two_lists_settle_their_conflict_as_they_are() {
    let mut site = Site::new()
        .with_list("vault-a.txt", format!("127.0.1.9 {ACCOUNT}\n"))
        .with_list("vault-b.txt", format!("127.0.2.9 {ACCOUNT}\n"))
        .with_config("[sync]\nallowed_targets = [\"127.0.0.0/8\"]");
    let (plan, check) = (site.run("plan", &[]), site.run("check", &[]));
    plan.expect(3, &["sources disagree", "clients = [\"127.0.2.0/24\"]", "whoever is in no view keeps"]);
    let lines = offered(&plan.all());
    assert_eq!(offered(&check.all()), lines, "check offers the same");
    assert!(!site.run("plan", &["--json"]).all().contains("clients"), "what programs read has no text for people");
    site.add(&lines);
    site.run("check", &[]).expect(0, &[]);
    assert_eq!(offered(&site.run("plan", &[]).all()), "");
    site.sync();
    let server = site.start();
    for (client, address) in [("127.0.1.3", "127.0.1.9"), ("127.0.2.3", "127.0.2.9"), ("127.0.3.3", "127.0.1.9")] {
        assert_eq!(hears(&server, client), [address], "{client}");
    }
}

#[test]
fn the_list_that_plan_offers_for_the_second_endpoint_of_a_document_settles_its_conflict_once_it_is_filled() {
    let rows = |rows: &[(&str, &str)]| {
        let row = |(endpoint, address): &(&str, &str)| {
            format!(
                "[[endpoint]]\nfqdn = \"{ACCOUNT}\"\naddress = \"{address}\"\nprivate_endpoint = \"rg/{endpoint}\"\n"
            )
        };
        rows.iter().map(row).collect::<String>()
    };
    let (one, other) = (("pe-a", "127.0.1.9"), ("pe-b", "127.0.2.9"));
    let mut site = Site::new()
        .with_list("all.toml", rows(&[one, other]))
        .with_config("[sync]\nallowed_targets = [\"127.0.0.0/8\"]");
    let lines = offered(&site.run("plan", &[]).all());
    site.add(&lines);
    assert!(lines.contains("name = \"pe-b\"") && lines.contains("endpoints/views/pe-b.toml"), "{lines}");
    assert!(site.run("plan", &[]).all().contains("endpoints disagree"), "the new list is yet to be filled");
    std::fs::create_dir(site.list_path("views")).unwrap();
    site.write_list("views/pe-b.toml", rows(&[other]));
    site.write_list("all.toml", rows(&[one]));
    site.run("check", &[]).expect(0, &[]);
    site.sync();
    let server = site.start();
    assert_eq!((hears(&server, "127.0.1.3"), hears(&server, "127.0.2.3")), (vec![one.1.into()], vec![other.1.into()]));
}
