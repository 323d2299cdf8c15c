import Mustache

/// The templates of the pages and what their style sheet adds to that of reports.
enum AdminTemplates {
    /// All templates; `nil` when one of them is broken, which a test would show.
    static let library: MustacheLibrary? = {
        var library = MustacheLibrary()
        for (name, text) in all {
            do { try library.register(text, named: name) } catch { return nil }
        }
        return library
    }()

    private static let all: [(String, String)] = [
        ("top", top), ("bottom", bottom), ("sign-in", signIn), ("message", message), ("overview", overview),
        ("clients", clients), ("table", table), ("review", review), ("decisions", decisions),
    ]

    private static let top = """
        <!doctype html><html lang="en"><head><meta charset="utf-8"><title>{{title}} · Casemate guard</title>
        <meta name="viewport" content="width=device-width,initial-scale=1">{{#refreshes}}<meta http-equiv="refresh" content="15">{{/refreshes}}
        <link rel="stylesheet" href="/ui/style.css"></head><body><a class="skip" href="#main">Skip to the content</a>
        <header class="guard"><div class="wide"><p class="maker">Casemate <span>guard</span></p>
        {{#isSignedIn}}<nav aria-label="Pages"><a href="/ui"{{#isOverview}} aria-current="page"{{/isOverview}}>Overview</a>
        <a href="/ui/clients"{{#isClients}} aria-current="page"{{/isClients}}>Clients</a>
        <a href="/ui/review"{{#isReview}} aria-current="page"{{/isReview}}>Review{{#hasPending}} <span class="tag">{{pending}}</span>{{/hasPending}}</a>
        <a href="/ui/decisions"{{#isDecisions}} aria-current="page"{{/isDecisions}}>Decisions</a></nav>
        <form method="post" action="/ui/sign-out"><input type="hidden" name="token" value="{{token}}"><button class="plain">Sign out<span class="hidden"> {{who}}</span></button></form>{{/isSignedIn}}
        </div></header><main id="main" class="wide">
        """

    private static let bottom = "</main></body></html>\n"

    private static let signIn = """
        {{>top}}<section class="narrow"><h1>Sign in</h1><p>These pages need an API key with the scope <code>admin</code>:
        <code>casemate keys add --store keys.sqlite --name NAME --scopes admin</code> makes one.</p>
        {{#hasError}}<p class="error" role="alert">{{error}}</p>{{/hasError}}
        <form method="post" action="/ui/sign-in" class="stack"><label for="key">API key</label>
        <input id="key" name="key" type="password" autocomplete="off" required autofocus><button>Sign in</button></form></section>{{>bottom}}
        """

    private static let message = """
        {{>top}}<section class="narrow"><h1>{{title}}</h1><p>{{text}}</p><p><a href="/ui">To the overview</a></p></section>{{>bottom}}
        """

    private static let overview = """
        {{>top}}<section><h1 class="hidden">Overview</h1><ul class="cards">
        <li><p class="name">Answered<span>last hour</span></p><p class="value">{{answered}}</p></li>
        <li><p class="name">Refused<span>last hour</span></p><p class="value">{{refused}}</p></li>
        <li{{#isFailing}} class="broken"{{/isFailing}}><p class="name">Failed<span>last hour</span></p><p class="value">{{failed}}</p></li>
        <li{{^isWriting}} class="broken"{{/isWriting}}><p class="name">Audit log<span>policy {{policy}}</span></p><p class="value">{{log}}</p></li></ul></section>
        <section><h2>Traffic</h2><figure>{{{chart}}}<figcaption>{{summary}} <span class="key ok">answered</span> <span class="key no">refused</span> <span class="key bad">failed</span></figcaption></figure></section>
        <section><h2>Clients by risk</h2>{{#hasClients}}{{>table}}<p class="note"><a href="/ui/clients">All clients</a></p>{{/hasClients}}{{^hasClients}}<p class="none">Nobody has asked yet.</p>{{/hasClients}}</section>
        <section><h2>Verdicts by stage</h2>{{#hasStages}}<div class="scroll"><table><thead><tr><th>Stage</th><th>What it did</th><th>Mode</th><th class="number">Requests</th></tr></thead><tbody>
        {{#stages}}<tr><td>{{stage}}</td><td>{{consequence}}</td><td>{{mode}}</td><td class="number">{{count}}</td></tr>{{/stages}}</tbody></table></div>{{/hasStages}}
        {{^hasStages}}<p class="none">No stage has noticed anything since the start.</p>{{/hasStages}}</section>
        <section><h2>Models</h2><div class="scroll"><table><thead><tr><th>Model</th><th>Version</th><th>State</th><th>Run by</th><th class="number">Answered</th><th class="number">Refused</th><th class="number">Failed</th><th class="number">Mean time</th><th>SHA-256</th></tr></thead><tbody>
        {{#models}}<tr><td>{{name}}</td><td>{{version}}</td><td>{{#isReady}}ready{{/isReady}}{{^isReady}}<strong class="alarm">not ready</strong>{{/isReady}}</td><td>{{platform}}</td><td class="number">{{answered}}</td><td class="number">{{refused}}</td><td class="number">{{failed}}</td><td class="number">{{mean}}</td><td><code>{{hash}}</code></td></tr>{{/models}}</tbody></table></div></section>{{>bottom}}
        """

    private static let table = """
        <div class="scroll"><table class="clients"><thead><tr><th>Client</th><th>Standing</th><th class="number">Score</th><th>Why</th><th class="number">Requests</th><th class="number">Noticed</th><th class="number">Refused</th><th>Last seen</th></tr></thead><tbody>
        {{#clients}}<tr><td class="long"><code>{{id}}</code></td><td>{{#isAlarm}}<strong class="alarm">{{level}}</strong>{{/isAlarm}}{{^isAlarm}}{{level}}{{/isAlarm}}</td><td class="number">{{score}}</td><td>{{reasons}}</td><td class="number">{{requests}}</td><td class="number">{{noticed}}</td><td class="number">{{refused}}</td><td>{{seen}}</td></tr>{{/clients}}</tbody></table></div>
        """

    private static let clients = """
        {{>top}}<section><h1>Clients by risk <span class="count">{{number}}</span></h1>{{#hasClients}}{{>table}}
        <form method="post" action="/ui/clear" class="row"><input type="hidden" name="token" value="{{token}}"><label for="id">Clear the standing of a client that was looked into</label><input id="id" name="id" required maxlength="200" placeholder="client"><button>Clear</button></form>
        <p class="note">A cleared client starts anew; the decisions that were made stay in the audit log.</p>{{/hasClients}}{{^hasClients}}<p class="none">Nobody has asked yet.</p>{{/hasClients}}</section>{{>bottom}}
        """

    private static let review = """
        {{>top}}<section><h1>Waiting for a decision</h1><p class="note">Callers were served already, as the record of each request says. What you decide is kept in the audit log and goes to nobody.</p>{{#hasWaiting}}<ul class="held">{{#waiting}}<li><p><code>{{client}}</code> asked <strong>{{model}}</strong> at {{time}}</p>
        <p class="faint">{{reasons}} · answered with {{labels}} · request <code>{{id}}</code></p>
        <form method="post" action="/ui/decide" class="row"><input type="hidden" name="token" value="{{token}}"><input type="hidden" name="id" value="{{id}}"><label class="hidden" for="note-{{id}}">Note</label><input id="note-{{id}}" name="note" maxlength="2000" placeholder="note"><button name="decision" value="approve">Approve</button><button name="decision" value="deny" class="danger">Deny</button></form></li>{{/waiting}}</ul>{{/hasWaiting}}
        {{^hasWaiting}}<p class="none">Nothing waits.</p>{{/hasWaiting}}</section>
        {{#hasDecided}}<section><h2>Decided</h2><div class="scroll"><table><thead><tr><th>Asked</th><th>Client</th><th>Model</th><th>Why held</th><th>Decision</th><th>By</th><th>Note</th></tr></thead><tbody>
        {{#decided}}<tr><td class="whole">{{time}}</td><td class="long"><code>{{client}}</code></td><td>{{model}}</td><td>{{reasons}}</td><td>{{decision}}</td><td>{{who}}</td><td class="long">{{note}}</td></tr>{{/decided}}</tbody></table></div></section>{{/hasDecided}}{{>bottom}}
        """

    private static let decisions = """
        {{>top}}<section><h1>Last decisions</h1>{{#hasDecisions}}<div class="scroll"><table><thead><tr><th>Time</th><th>Client</th><th>Model</th><th class="number">Status</th><th>Outcome</th><th>Why</th><th class="number">ms</th><th>Request</th></tr></thead><tbody>
        {{#decisions}}<tr><td class="whole">{{time}}</td><td class="long"><code>{{client}}</code></td><td>{{model}}</td><td class="number">{{status}}</td><td>{{#isRefused}}<strong class="alarm">{{outcome}}</strong>{{/isRefused}}{{^isRefused}}{{outcome}}{{/isRefused}}</td><td>{{reasons}}</td><td class="number">{{milliseconds}}</td><td><code>{{id}}</code></td></tr>{{/decisions}}</tbody></table></div>
        <p class="note">The last 200 since the start. All of them: <code>casemate log query</code>.</p>{{/hasDecisions}}{{^hasDecisions}}<p class="none">Nothing was decided yet.</p>{{/hasDecisions}}</section>{{>bottom}}
        """

    /// What these pages need beyond reports.
    static let style = """

        .guard{background:var(--card);border-bottom:1px solid var(--line);border-top:6px solid var(--accent)}
        .guard .wide{display:flex;flex-wrap:wrap;gap:.3rem 1.6rem;align-items:center;padding-top:.7rem;padding-bottom:.7rem}
        .guard nav{display:flex;flex-wrap:wrap;gap:.2rem 1.2rem;flex:1}.guard nav a{text-decoration:none;padding:.25rem 0}
        .guard nav a[aria-current]{font-weight:700;border-bottom:2px solid var(--accent)}
        main{padding-bottom:3rem}.narrow{max-width:34rem}.narrow>*+*{margin-top:1rem}.stack{display:grid;gap:.6rem}
        input{font:inherit;color:inherit;background:var(--card);border:1px solid var(--soft);border-radius:6px;padding:.4rem .6rem;min-width:0}
        button{font:inherit;font-weight:600;color:var(--on);background:var(--accent);border:0;border-radius:6px;padding:.45rem 1rem;cursor:pointer}
        button.plain{background:none;color:var(--accent);font-weight:400;padding:.25rem 0}button.danger{background:var(--bad)}
        .row{display:flex;flex-wrap:wrap;gap:.6rem;align-items:center;margin-top:.8rem}.row input[name=note]{flex:1 1 14rem}
        .error,.alarm{color:var(--bad);font-weight:600}.held li{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:1rem 1.2rem}.held li+li{margin-top:12px}
        .traffic{max-width:none}.traffic .ok,.key.ok::before{fill:var(--s0);background:var(--s0)}.traffic .no,.key.no::before{fill:var(--s1);background:var(--s1)}.traffic .bad,.key.bad::before{fill:var(--bad);background:var(--bad)}
        .key{white-space:nowrap;margin-left:.8rem}.key::before{content:"";display:inline-block;width:.8em;height:.8em;border-radius:2px;margin-right:.35em}
        h1 .count{display:inline}.clients td:nth-child(4){min-width:12rem}td.long{min-width:9rem}.clients td:last-child,td.whole{white-space:nowrap}
        @media (max-width:640px){.guard nav{order:3;flex-basis:100%}.guard form{margin-left:auto}.traffic text{font-size:24px}}
        """
}
