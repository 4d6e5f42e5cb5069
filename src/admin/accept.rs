//! The form of the metrics that a client prefers, by its `Accept` (RFC 9110 section 12.5.1).

use super::metrics::Form;

/// `OpenMetrics` where a client names it and does not prefer plain text; plain text for everybody else.
pub(super) fn form<'a>(accept: impl Iterator<Item = &'a str>) -> Form {
    let (mut open, mut text) = (0, 0);
    for range in accept.flat_map(|header| header.split(',')) {
        let Some(Range { kind, version, quality }) = read(range) else { continue };
        match kind.as_str() {
            // A version of the form that we write, or none.
            "application/openmetrics-text" if version.is_none_or(|version| version == "1.0.0") => {
                open = quality.max(open);
            }
            "text/plain" | "text/*" => text = quality.max(text),
            _ => {}
        }
    }
    if open > 0 && open >= text { Form::OpenMetrics } else { Form::Text }
}

/// A media range.
struct Range<'a> {
    kind: String,
    version: Option<&'a str>,
    /// In thousandths.
    quality: u16,
}

fn read(range: &str) -> Option<Range<'_>> {
    let mut parts = range.split(';').map(str::trim);
    let mut found = Range { kind: parts.next()?.to_ascii_lowercase(), version: None, quality: 1000 };
    for (key, value) in parts.filter_map(|part| part.split_once('=')) {
        match key.trim().to_ascii_lowercase().as_str() {
            "version" => found.version = Some(value.trim().trim_matches('"')),
            "q" => found.quality = thousandths(value.trim())?,
            _ => {}
        }
    }
    Some(found)
}

/// A weight from 0 to 1 with three digits at most (RFC 9110 section 12.4.2).
fn thousandths(weight: &str) -> Option<u16> {
    let (whole, part) = weight.split_once('.').unwrap_or((weight, ""));
    let digits = part.len() <= 3 && part.bytes().all(|octet| octet.is_ascii_digit());
    let whole = matches!(whole, "0" | "1").then(|| whole.parse::<u16>().ok())??;
    let part: u16 = if digits { format!("{part:0<3}").parse().ok()? } else { return None };
    Some(whole * 1000 + part).filter(|weight| *weight <= 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_follows_the_weights() {
        let prometheus_2 = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,\
                            text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        let prometheus_3 = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
                            application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;\
                            q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
        for (accept, form) in [
            ("", Form::Text),
            ("*/*", Form::Text),
            ("text/html,application/xhtml+xml,*/*;q=0.8", Form::Text),
            (prometheus_2, Form::OpenMetrics),
            (prometheus_3, Form::OpenMetrics),
            ("application/openmetrics-text", Form::OpenMetrics),
            ("Application/OpenMetrics-Text; Version=\"1.0.0\"; Q=0.001", Form::OpenMetrics),
            ("application/openmetrics-text;version=0.0.1", Form::Text),
            ("application/openmetrics-text;version=2.0.0", Form::Text),
            ("application/openmetrics-text;q=0", Form::Text),
            ("application/openmetrics-text;q=0.4, text/plain;q=0.5", Form::Text),
            ("application/openmetrics-text;q=0.5, text/*;q=0.5", Form::OpenMetrics),
            ("application/openmetrics-text;q=2", Form::Text),
            ("application/openmetrics-text;q=0.1234", Form::Text),
            ("application/openmetrics-text;q=", Form::Text),
            (";;,,=,q=1", Form::Text),
        ] {
            assert_eq!(super::form([accept].into_iter()), form, "{accept}");
        }
        let several = ["text/plain;q=0.2", "application/openmetrics-text;q=0.9"];
        assert_eq!(super::form(several.into_iter()), Form::OpenMetrics);
    }

    #[test]
    fn a_weight_has_three_digits_at_most() {
        let weights = ["0", "1", "0.5", "0.", "1.000", "1.001", "0.1234", ".5", "-1", "00", "x", ""];
        let read = [Some(0), Some(1000), Some(500), Some(0), Some(1000), None, None, None, None, None, None, None];
        assert_eq!(weights.map(thousandths), read);
    }
}
