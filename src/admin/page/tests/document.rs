//! A page as a reader of strict XML sees it: whatever is not closed, or closed twice, is an error.

use roxmltree::{Document as Xml, Node, ParsingOptions};

/// The elements that a page may have. None of them runs or loads anything but `link`, which `is_safe` looks at.
const ELEMENTS: &str = "html head meta title link style body svg symbol circle path use header h1 ul ol li span time a \
    nav main form label input button section h2 h3 p table caption thead tbody tr th td code div figure figcaption strong dl dt dd wbr footer";

/// The attributes that they may have.
const ATTRIBUTES: &str = "lang charset name content http-equiv rel href class id aria-hidden aria-label aria-labelledby \
    action method for type value maxlength autocomplete spellcheck viewBox cx cy r fill d role preserveAspectRatio datetime title scope colspan data-label";

/// A page.
pub(in crate::admin::page) struct Document<'p> {
    xml: Xml<'p>,
}

/// Lines without what only spaces them.
pub(in crate::admin::page) fn words(text: &str) -> Vec<String> {
    text.lines().map(spaced).filter(|line| !line.is_empty()).collect()
}

fn spaced(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn is_shown(node: &Node<'_, '_>) -> bool {
    !node.ancestors().any(|node| ["head", "style"].contains(&node.tag_name().name()))
}

impl<'p> Document<'p> {
    pub(in crate::admin::page) fn read(html: &'p str) -> Self {
        let options = ParsingOptions { allow_dtd: true, nodes_limit: u32::MAX, ..ParsingOptions::default() };
        let xml = Xml::parse_with_options(html, options).unwrap_or_else(|error| panic!("{error}:\n{html}"));
        Self { xml }
    }

    fn elements(&self) -> impl Iterator<Item = Node<'_, 'p>> {
        self.xml.descendants().filter(Node::is_element)
    }

    fn named(&self, name: &'static str) -> impl Iterator<Item = Node<'_, 'p>> {
        self.elements().filter(move |node| node.tag_name().name() == name)
    }

    /// The numbers of all elements and attributes, but for the places where a name may be broken.
    pub(in crate::admin::page) fn size(&self) -> (usize, usize) {
        let elements = || self.elements().filter(|node| node.tag_name().name() != "wbr");
        (elements().count(), elements().map(|node| node.attributes().len()).sum())
    }

    /// All the words that are shown.
    pub(in crate::admin::page) fn text(&self) -> String {
        let shown = self.xml.descendants().filter(|node| node.is_text() && is_shown(node));
        // Words of two elements are two words, but for the parts of a name.
        let parts: Vec<String> = shown
            .map(|node| {
                let breaks = |node: Option<Node<'_, '_>>| node.is_some_and(|node| node.tag_name().name() == "wbr");
                let end = if breaks(node.next_sibling()) { "" } else { " " };
                format!("{}{end}", node.text().unwrap_or_default())
            })
            .collect();
        spaced(&parts.concat())
    }

    /// The words of each block.
    pub(in crate::admin::page) fn lines(&self) -> Vec<String> {
        const BLOCKS: [&str; 10] = ["h1", "h2", "h3", "p", "li", "caption", "tr", "figcaption", "dt", "dd"];
        let is_block = |node: &Node<'_, '_>| BLOCKS.contains(&node.tag_name().name()) && is_shown(node);
        let blocks = self.elements().filter(is_block);
        let text = |block: Node<'_, '_>| {
            // Cells are apart from each other, as they are on a screen.
            let is_cell = |node: &Node<'_, '_>| ["td", "th"].contains(&node.tag_name().name());
            let texts = block.descendants().filter(|node| node.is_text() || is_cell(node));
            spaced(
                &texts
                    .map(|node| if node.is_text() { node.text().unwrap_or_default() } else { " " })
                    .collect::<String>(),
            )
        };
        blocks.map(text).filter(|line| !line.is_empty()).collect()
    }

    pub(in crate::admin::page) fn title(&self) -> String {
        self.named("title").filter_map(|node| node.text()).collect()
    }

    /// The one heading of the first level.
    pub(in crate::admin::page) fn heading(&self) -> String {
        let headings: Vec<_> = self.named("h1").collect();
        assert_eq!(headings.len(), 1);
        spaced(&headings[0].descendants().filter_map(|node| node.text().filter(|_| node.is_text())).collect::<String>())
    }

    /// Checks that nothing runs, and nothing is loaded from elsewhere.
    pub(in crate::admin::page) fn is_safe(&self) {
        for node in self.elements() {
            let name = node.tag_name().name();
            assert!(ELEMENTS.split(' ').any(|known| known == name), "<{name}>");
            for attribute in node.attributes() {
                let (key, value) = (attribute.name(), attribute.value());
                assert!(ATTRIBUTES.split(' ').any(|known| known == key), "<{name} {key}=\"{value}\">");
                if key == "href" {
                    let is_own = ["#", "?refresh=", "explain?name=", "data:image/svg+xml;base64,"]
                        .iter()
                        .any(|own| value.starts_with(own))
                        || ["metrics", "status.json", "ready", "health", "explain", "./"].contains(&value);
                    assert!(is_own && !value.contains("//"), "{value}");
                }
            }
        }
    }

    /// Checks what a screen reader needs of the structure.
    pub(in crate::admin::page) fn is_accessible(&self) {
        assert_eq!(self.named("html").filter_map(|node| node.attribute("lang")).collect::<Vec<_>>(), ["en"]);
        for landmark in ["header", "nav", "main", "footer"] {
            assert_eq!(self.named(landmark).count(), 1, "{landmark}");
        }
        let ids: Vec<_> = self.elements().filter_map(|node| node.attribute("id")).collect();
        for (at, id) in ids.iter().enumerate() {
            assert!(!ids[..at].contains(id), "twice: {id}");
        }
        for section in self.named("section") {
            assert!(section.attribute("aria-labelledby").is_some_and(|label| ids.contains(&label)));
        }
        let targets = self.elements().filter_map(|node| node.attribute("href")?.strip_prefix('#'));
        targets.for_each(|target| assert!(ids.contains(&target), "#{target}"));
        for table in self.named("table") {
            let first = table.children().find(Node::is_element).map(|node| node.tag_name().name().to_owned());
            assert_eq!(first.as_deref(), Some("caption"));
        }
        assert!(self.named("th").all(|head| head.attribute("scope").is_some()));
        let pictures = self.named("svg").filter(|svg| svg.attribute("aria-hidden") != Some("true"));
        assert!(
            pictures
                .into_iter()
                .all(|svg| svg.attribute("role") == Some("img") && svg.attribute("aria-label").is_some())
        );
    }
}
