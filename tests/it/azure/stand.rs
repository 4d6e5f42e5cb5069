//! The scripted Azure itself: the tests of live sources rest on it, so it must be as strict as it claims.

use serde_json::{Value, json};

use crate::support::azure::Door;
use crate::support::azure::estate::{Endpoint, GROUP, group_scope};
use crate::support::azure::fault::{Fault, Sent};
use crate::support::azure::http::{Answer, Request};
use crate::support::azure::world::World;

fn get(world: &mut World, door: Door, target: &str, headers: &[(&str, &str)]) -> Answer {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let request = Request { method: "GET".to_owned(), target: target.to_owned(), headers, body: String::new() };
    match world.answer(door, &request) {
        Sent::Whole(answer) => answer,
        sent => panic!("{sent:?}"),
    }
}

fn token(world: &mut World) -> String {
    let target =
        "/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Fmanagement.azure.com%2F";
    let answer = get(world, Door::Local, target, &[("metadata", "true")]);
    let body: Value = serde_json::from_slice(&answer.body).unwrap();
    format!("Bearer {}", body["access_token"].as_str().unwrap())
}

fn values(answer: &Answer) -> (Vec<String>, Option<String>) {
    let body: Value = serde_json::from_slice(&answer.body).unwrap();
    let names = body["value"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect();
    (names, body["nextLink"].as_str().map(str::to_owned))
}

#[test]
fn a_collection_of_the_scripted_azure_comes_in_pages_to_whoever_has_a_token() {
    let mut world = World::default();
    for number in 0..3 {
        world.estate.endpoints.push(Endpoint::vault(&format!("pe-{number}")));
    }
    let list = format!("{}/providers/Microsoft.Network/privateEndpoints?api-version=2023-11-01", group_scope(GROUP));
    assert_eq!(get(&mut world, Door::Cloud, &list, &[]).status, 401);
    let token = token(&mut world);
    let bearer = [("authorization", token.as_str())];
    let (first, next) = values(&get(&mut world, Door::Cloud, &list, &bearer));
    assert_eq!(first, ["pe-0", "pe-1"]);
    assert_eq!(values(&get(&mut world, Door::Cloud, &next.unwrap(), &bearer)), (vec!["pe-2".to_owned()], None));
    world.identities.revoke();
    assert_eq!(get(&mut world, Door::Cloud, &list, &bearer).status, 401, "a token that was taken back");
}

#[test]
fn a_fault_of_the_scripted_azure_acts_as_often_as_it_is_told() {
    let mut world = World::default();
    world.faults.push(Fault::status("privateEndpoints", 503, "ServiceUnavailable").after(1).times(2));
    world.faults.push(Fault::edit("privateEndpoints", |body| body["value"] = json!([{"name": "edited"}])));
    let token = token(&mut world);
    let list = format!("{}/providers/Microsoft.Network/privateEndpoints?api-version=2023-11-01", group_scope(GROUP));
    let statuses: Vec<u16> =
        (0..4).map(|_| get(&mut world, Door::Cloud, &list, &[("authorization", &token)]).status).collect();
    assert_eq!(statuses, [200, 503, 503, 200]);
    assert_eq!(world.arm_requests(), 4);
}
