//! Fuzzes the event body. Nothing panics, JSON is accepted as by serde_json, and the result is
//! JSON.
#![no_main]

use gwop::json;
use gwop::webhook::event;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|body: &[u8]| {
    let reference = serde_json::from_slice::<Value>(body);
    let ours = json::Value::parse(body);
    // serde_json refuses lone surrogates and numbers beyond f64, which JSON.parse accepts.
    // Everything that serde_json accepts has to be accepted here.
    if reference.is_ok() {
        assert!(ours.is_ok(), "serde_json takes what we refuse");
    }
    match event::read(body, "", "", false) {
        Ok(decoded) => {
            if reference.is_ok() {
                let value: Value = serde_json::from_str(&decoded.json).expect("the event is JSON");
                for id in ["invoiceId", "publicInvoiceId", "merchantId"] {
                    assert!(value["data"][id].as_str().is_some_and(|id| !id.is_empty()));
                }
                let times: Value = serde_json::from_str(&decoded.times).expect("the paths are JSON");
                for path in times.as_array().expect("a list") {
                    let pointer: String = path
                        .as_array()
                        .expect("a path")
                        .iter()
                        .map(|name| format!("/{}", name.as_str().expect("a name")))
                        .collect();
                    assert!(value.pointer(&pointer).is_some_and(Value::is_i64));
                }
            }
        }
        Err(rejection) => assert!(!rejection.message.is_empty()),
    }
});
