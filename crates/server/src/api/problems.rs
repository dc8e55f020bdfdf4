//! What every operation may answer besides: a problem, which the document says once for all.

use utoipa::openapi::{
    ContentBuilder, OpenApi, Ref, RefOr, ResponseBuilder, content::Content, schema::Schema,
};

use super::operations;

const PROBLEM: &str = "#/components/schemas/Problem";
const JSON: &str = "application/json";
const PROBLEM_JSON: &str = "application/problem+json";

/// Gives problems their media type, and each operation the answer to whatever is wrong with a
/// request.
pub(super) fn complete(document: &mut OpenApi) {
    for item in document.paths.paths.values_mut() {
        for operation in operations(item) {
            let responses = &mut operation.responses.responses;
            for response in responses.values_mut() {
                let RefOr::T(response) = response else { continue };
                if response.content.get(JSON).is_some_and(is_problem)
                    && let Some(content) = response.content.shift_remove(JSON)
                {
                    response.content.insert(PROBLEM_JSON.to_owned(), content);
                }
            }
            let problem = RefOr::<Schema>::Ref(Ref::new(PROBLEM));
            let content = ContentBuilder::new().schema(Some(problem)).build();
            let response = ResponseBuilder::new()
                .description("what is wrong; `code` says it for programs")
                .content(PROBLEM_JSON, content)
                .build();
            responses.entry("default".to_owned()).or_insert(RefOr::T(response));
        }
    }
}

fn is_problem(content: &RefOr<Content>) -> bool {
    let RefOr::T(content) = content else { return false };
    matches!(&content.schema, Some(RefOr::Ref(to)) if to.ref_location == PROBLEM)
}

#[cfg(test)]
mod tests {
    #[test]
    fn each_operation_may_answer_a_problem_and_says_it_is_one() {
        let document = serde_json::to_value(crate::api::openapi()).unwrap();
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                let Some(responses) = operation["responses"].as_object() else { continue };
                assert!(responses.contains_key("default"), "{method} {path}");
                for response in responses.values() {
                    let json = &response["content"]["application/json"]["schema"]["$ref"];
                    assert_ne!(json, "#/components/schemas/Problem", "{method} {path}");
                }
            }
        }
    }
}
