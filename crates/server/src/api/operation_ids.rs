//! The names of operations in the OpenAPI document, which programs that generate clients make
//! functions of: each stands once.

use utoipa::openapi::OpenApi;

use super::operations;

/// Puts what is fixed of an operation's path before the name of its handler: `runs_dead_letters_list`.
pub(super) fn complete(document: &mut OpenApi) {
    for (path, item) in &mut document.paths.paths {
        let fixed: Vec<String> = path
            .trim_start_matches("/api/v1/")
            .split('/')
            .filter(|part| !part.starts_with('{'))
            .map(|part| part.replace(['-', '.'], "_"))
            .collect();
        for operation in operations(item) {
            let Some(handler) = operation.operation_id.take() else { continue };
            let mut parts = fixed.clone();
            if parts.last() != Some(&handler) {
                parts.push(handler);
            }
            operation.operation_id = Some(parts.join("_"));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    #[test]
    fn no_two_operations_have_one_name() {
        let document = serde_json::to_value(crate::api::openapi()).unwrap();
        let paths = document["paths"].as_object().unwrap();
        let operations = paths.values().flat_map(|item| item.as_object().unwrap().values());
        let names: Vec<&str> = operations.map(|o| o["operationId"].as_str().unwrap()).collect();
        let once: BTreeSet<&str> = names.iter().copied().collect();
        assert!(names.len() > 70 && names.len() == once.len(), "{names:?}");
        for name in ["runs_list", "runs_dead_letters_list", "jobs_export", "live_watch"] {
            assert!(once.contains(name), "{name} of {once:?}");
        }
    }
}
