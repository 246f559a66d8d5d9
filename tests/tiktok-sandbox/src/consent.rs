//! The page where a person allows or denies: `/v2/auth/authorize/`.

use std::fmt::Write;

use http::{Method, header};

use crate::wire::{Request, Response};
use crate::world::{Turn, World};

struct Asked {
    client_key: String,
    redirect_uri: String,
    scopes: Vec<String>,
    state: Option<String>,
    always_ask: bool,
}

impl World {
    pub(crate) fn authorize(&mut self, request: &Request, turn: &mut Turn<'_>) -> Response {
        let asked = match self.asked(request, turn) {
            Ok(asked) => asked,
            Err(response) => return *response,
        };
        "ok".clone_into(&mut turn.call.code);
        if request.method == Method::POST {
            return self.decide(&asked, request, turn);
        }
        let session = cookie(request, "sandbox_session");
        if let Some(account) = session
            && !asked.always_ask
            && self.has_live_grant(&asked.client_key, &account, &asked.scopes)
        {
            turn.call.account = Some(account.clone());
            let scopes = asked.scopes.clone();
            return self.allow(&asked, &account, scopes, turn);
        }
        Response::html(200, self.consent_page(&asked, &request.query))
    }

    /// What the app asks for, in the query. An app or redirect URI nobody knows is told to the person, never to the URI.
    fn asked(&self, request: &Request, turn: &mut Turn<'_>) -> Result<Asked, Box<Response>> {
        let pairs = request.query_pairs();
        let field =
            |name: &str| pairs.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str());
        let client_key = field("client_key");
        turn.call.client_key = Some(client_key.to_owned());
        let Some(app) = self.config.apps.get(client_key) else {
            return Err(Box::new(error_page("client_key", turn)));
        };
        let redirect_uri = field("redirect_uri");
        if !app.redirect_uris.iter().any(|known| known == redirect_uri) {
            return Err(Box::new(error_page("redirect_uri", turn)));
        }
        let state = pairs.iter().find(|(key, _)| key == "state").map(|(_, value)| value.clone());
        let asked = Asked {
            client_key: client_key.to_owned(),
            redirect_uri: redirect_uri.to_owned(),
            scopes: field("scope").split(',').map(str::to_owned).collect(),
            state,
            always_ask: field("disable_auto_auth") == "1",
        };
        if field("response_type") != "code" {
            let why = "response_type must be code";
            return Err(Box::new(asked.denied("unsupported_response_type", why, None, turn)));
        }
        if let Some(scope) = asked.scopes.iter().find(|scope| !app.approved_scopes.contains(scope)) {
            let why = format!("scope {scope} is not approved for this app");
            return Err(Box::new(asked.denied("invalid_scope", &why, None, turn)));
        }
        Ok(asked)
    }

    fn decide(&mut self, asked: &Asked, request: &Request, turn: &mut Turn<'_>) -> Response {
        let form = request.form_pairs();
        let field =
            |name: &str| form.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str());
        let account = field("account").to_owned();
        turn.call.account = Some(account.clone());
        if field("decision") != "allow" {
            return asked.denied("access_denied", "User denied the request", None, turn);
        }
        let Some(app) = self.config.apps.get(&asked.client_key) else {
            return error_page("client_key", turn);
        };
        if !self.config.accounts.contains_key(&account) {
            return Response::html(400, page("<p>No such account.</p>"));
        }
        if app.target_users.as_ref().is_some_and(|targets| !targets.contains(&account)) {
            let why = "The account is not a target user of this sandbox";
            return asked.denied("access_denied", why, Some("non_sandbox_target"), turn);
        }
        let ticked: Vec<String> = asked
            .scopes
            .iter()
            .filter(|scope| form.iter().any(|(key, value)| key == "scope" && value == *scope))
            .cloned()
            .collect();
        if ticked.is_empty() {
            return asked.denied("access_denied", "User granted no scope", None, turn);
        }
        let cookie = format!("sandbox_session={account}; Path=/v2/auth/; HttpOnly; SameSite=Lax");
        self.allow(asked, &account, ticked, turn).header(header::SET_COOKIE, &cookie)
    }

    fn allow(&mut self, asked: &Asked, account: &str, scopes: Vec<String>, turn: &mut Turn<'_>) -> Response {
        let granted = scopes.join(",");
        let who = (asked.client_key.as_str(), account);
        let code = self.issue_code(who, scopes, &asked.redirect_uri, turn.now, turn.rng);
        asked.callback(&[("code", &code), ("scopes", &granted)])
    }

    /// A person's consent without a browser: where TikTok would send the browser next.
    pub fn consent(
        &mut self,
        authorize_query: &str,
        account: &str,
        scopes: Option<&[String]>,
        now_ms: i64,
        rng: &mut impl rand::Rng,
    ) -> Option<String> {
        let mut form = vec![("decision", "allow"), ("account", account)];
        let query: Vec<(String, String)> =
            url::form_urlencoded::parse(authorize_query.as_bytes()).into_owned().collect();
        let asked = query.iter().find(|(key, _)| key == "scope").map_or("", |(_, value)| value);
        let ticked: Vec<&str> = match scopes {
            Some(scopes) => scopes.iter().map(String::as_str).collect(),
            None => asked.split(',').collect(),
        };
        form.extend(ticked.iter().map(|scope| ("scope", *scope)));
        let request = Request::post_form(&format!("/v2/auth/authorize/?{authorize_query}"), &form);
        let (response, _) = self.handle(&request, now_ms, rng);
        response.headers.get(header::LOCATION)?.to_str().ok().map(str::to_owned)
    }

    fn consent_page(&self, asked: &Asked, query: &str) -> String {
        let name = self.config.apps.get(&asked.client_key).map_or("", |app| app.name.as_str());
        let mut body = format!(
            "<h1>{} wants to access your TikTok account</h1><form method=post action=\"/v2/auth/authorize/?{}\">\
             <p><label>Log in as <select name=account>",
            escape(name),
            escape(query)
        );
        for (handle, account) in &self.config.accounts {
            let kind = if account.private { "private" } else { "public" };
            let (handle, nickname) = (escape(handle), escape(&account.nickname));
            let _ = write!(body, "<option value=\"{handle}\">@{handle} {nickname} ({kind})</option>");
        }
        body.push_str("</select></label></p><p>It asks for:</p>");
        for scope in &asked.scopes {
            let scope = escape(scope);
            let _ = write!(
                body,
                "<p><label><input type=checkbox name=scope value=\"{scope}\" checked> {scope}</label></p>"
            );
        }
        body.push_str(
            "<p><button name=decision value=allow>Allow</button> <button name=decision value=deny>Deny</button></p>\
             </form>",
        );
        page(&body)
    }
}

impl Asked {
    fn callback(&self, fields: &[(&str, &str)]) -> Response {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(fields);
        if let Some(state) = &self.state {
            query.append_pair("state", state);
        }
        Response::redirect(&format!("{}?{}", self.redirect_uri, query.finish()))
    }

    fn denied(
        &self,
        error: &'static str,
        description: &str,
        kind: Option<&str>,
        turn: &mut Turn<'_>,
    ) -> Response {
        error.clone_into(&mut turn.call.code);
        turn.call.why = Some(description.to_owned());
        let mut fields = vec![("error", error), ("error_description", description)];
        fields.extend(kind.map(|kind| ("error_type", kind)));
        self.callback(&fields)
    }
}

fn error_page(kind: &str, turn: &mut Turn<'_>) -> Response {
    "unauthorized_client".clone_into(&mut turn.call.code);
    turn.call.why = Some(format!("`{kind}` is not registered"));
    let body =
        format!("<h1>Something went wrong</h1><p>error=unauthorized_client error_type={}</p>", escape(kind));
    Response::html(400, page(&body))
}

fn cookie(request: &Request, name: &str) -> Option<String> {
    let cookies = request.header_str(header::COOKIE);
    cookies.split("; ").find_map(|pair| pair.strip_prefix(name)?.strip_prefix('=')).map(str::to_owned)
}

pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn page(body: &str) -> String {
    format!(
        "<!doctype html><meta charset=utf-8><title>TikTok (sandbox)</title>\
         <style>body{{font:16px system-ui;max-width:34em;margin:3em auto;padding:0 1em}}</style>{body}"
    )
}
