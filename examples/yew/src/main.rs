//! onesocket in a front end of Yew: components that share one connection.
//!
//! `?server=ws://…&token=…` says where it connects. The root makes the client and hands it down; each
//! component that uses the connection calls [`use_status`] or [`use_messages`].

use std::rc::Rc;

use onesocket_web::core::{StateName, Token, TokenAnswer};
use onesocket_web::{Client, Message, Options};
use web_sys::HtmlInputElement;
use yew::prelude::*;

/// The client as a context: two are equal if they are the same.
#[derive(Clone)]
struct Connection(Rc<Client>);

impl PartialEq for Connection {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

/// Returns the page's client. There is one above every component that calls this.
#[hook]
fn use_client() -> Rc<Client> {
    use_context::<Connection>().expect("a component below the provider").0
}

/// Connects while the component is mounted, and returns the state.
#[hook]
fn use_status() -> StateName {
    let client = use_client();
    let state = use_state(|| client.status().state);
    let told = state.setter();
    use_effect_with((), move |()| {
        let held = client.hold();
        let subscription = client.on_status(move |status| told.set(status.state));
        move || drop((held, subscription))
    });
    *state
}

/// Calls the listener with each message while the component is mounted.
#[hook]
fn use_messages(listener: impl Fn(&Message) + 'static) {
    let client = use_client();
    use_effect_with((), move |()| {
        let subscription = client.on_message(listener);
        move || drop(subscription)
    });
}

#[function_component]
fn App() -> Html {
    let connection = use_memo((), |()| Connection(Rc::new(make_client())));
    html! {
        <ContextProvider<Connection> context={(*connection).clone()}>
            <State />
            <Chat />
        </ContextProvider<Connection>>
    }
}

#[function_component]
fn State() -> Html {
    let state = use_status();
    html! { <output>{ state.as_str() }</output> }
}

#[function_component]
fn Chat() -> Html {
    let client = use_client();
    let state = use_status();
    let said = use_reducer(Said::default);
    let input = use_node_ref();
    let hear = said.dispatcher();
    use_messages(move |message| hear.dispatch(message.data().as_string().unwrap_or_default()));

    let field = input.clone();
    let send = Callback::from(move |event: SubmitEvent| {
        event.prevent_default();
        let Some(field) = field.cast::<HtmlInputElement>() else { return };
        // It waits where there is no connection yet, and is refused where there will be none.
        if client.send_text(&field.value()).is_ok() {
            field.set_value("");
        }
    });
    html! {
        <form onsubmit={send}>
            <input ref={input} aria-label="Message" />
            <button>{ format!("Send ({})", state.as_str()) }</button>
            <ol>{ for said.0.iter().map(|text| html! { <li>{ text }</li> }) }</ol>
        </form>
    }
}

/// What was said, oldest first.
#[derive(Default)]
struct Said(Vec<String>);

impl Reducible for Said {
    type Action = String;

    fn reduce(self: Rc<Self>, text: String) -> Rc<Self> {
        Rc::new(Self(self.0.iter().cloned().chain([text]).collect()))
    }
}

/// Makes the client for what the page's URL says.
fn make_client() -> Client {
    let search = web_sys::window().and_then(|window| window.location().search().ok());
    let query = web_sys::UrlSearchParams::new_with_str(&search.unwrap_or_default());
    let get = move |name: &str| query.as_ref().ok().and_then(|query| query.get(name));
    let server = get("server").unwrap_or_default();
    let token = get("token").unwrap_or_default();
    let options = Options::new(server).token_source(move || {
        let token = Token::new(token.clone());
        async { TokenAnswer::Token(token, None) }
    });
    Client::new(options)
}

fn main() {
    yew::Renderer::<App>::new().render();
}
