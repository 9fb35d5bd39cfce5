//! What an upload asks for beside its rows: said in the URL, or in a JSON body.

use serde_json::{Map, Value};
use uuid::Uuid;

use crate::body::Fields;
use crate::problem::Problem;
use crate::routes::paging::Query;
use crate::routes::register_users::Terms;
use crate::routes::together::Together;

/// What a batch asks for beside its rows, as far as it was said.
#[derive(Clone, Debug, Default)]
pub(super) struct GivenTerms {
    pub(super) merchant_id: Option<Uuid>,
    interview_id: Option<Uuid>,
    send_email: Option<bool>,
    hide_menu: Option<bool>,
    hide_iframe: Option<bool>,
    is_test: Option<bool>,
}

impl GivenTerms {
    /// From the URL; everything that is wrong there at once.
    pub(super) fn read(query: &Query) -> Result<Self, Problem> {
        let (merchant_id, interview_id, send_email, hide_menu, hide_iframe, is_test) = (
            query.merchant_id(),
            query.uuid("interview_id"),
            query.flag("send_email"),
            query.flag("hide_menu"),
            query.flag("hide_iframe"),
            query.flag("is_test"),
        )
            .together()?;
        Ok(Self { merchant_id, interview_id, send_email, hide_menu, hide_iframe, is_test })
    }

    /// From a JSON body's members, where the URL is silent.
    pub(super) fn or(mut self, members: &Map<String, Value>) -> Result<Self, Problem> {
        let mut fields = Fields::new(members, "");
        let (merchant_id, interview_id) = (fields.uuid("merchant_id"), fields.uuid("interview_id"));
        self.merchant_id = self.merchant_id.or(merchant_id);
        self.interview_id = self.interview_id.or(interview_id);
        self.send_email = self.send_email.or(fields.boolean("send_email"));
        self.hide_menu = self.hide_menu.or(Some(fields.flag("hide_menu")));
        self.hide_iframe = self.hide_iframe.or(Some(fields.flag("hide_iframe")));
        self.is_test = self.is_test.or(Some(fields.flag("is_test")));
        fields.finish()?;
        Ok(self)
    }

    /// What was not said is false; but an interview there must be.
    pub(super) fn into_terms(self) -> Result<Terms, Problem> {
        let interview_id =
            self.interview_id.ok_or_else(|| Problem::invalid("?interview_id", "is required"))?;
        Ok(Terms {
            interview_id,
            send_email: self.send_email.unwrap_or_default(),
            hide_menu: self.hide_menu.unwrap_or_default(),
            hide_iframe: self.hide_iframe.unwrap_or_default(),
            is_test: self.is_test.unwrap_or_default(),
        })
    }
}
