/* SPDX-License-Identifier: Apache-2.0 */
/* An answer of the gate in words, with the place of the rule that gave it. */
#include "daemon/ops/explain.h"

#include "base/str.h"

/* pointers by place: policy, app, token. */
struct wording {
    enum pn_reason reason;
    const char *policy, *app, *token;
    enum pn_where where; /* when core names none */
    const char *detail;
};

static const struct wording wordings[] = {
    {PN_REASON_OK, "", "", "", PN_WHERE_NONE,
     "The request is passed on as this person."},
    {PN_REASON_TOKEN_REVOKED, "", "", "/state", PN_WHERE_TOKEN,
     "The token is revoked; its owner can make a new one."},
    {PN_REASON_TOKEN_DISABLED, "", "", "/state", PN_WHERE_TOKEN,
     "The token is paused; enable it to use it again."},
    {PN_REASON_TOKEN_EXPIRED, "", "", "/expires_at", PN_WHERE_TOKEN,
     "The token has expired by then."},
    {PN_REASON_TOKEN_NOT_YET_VALID, "", "", "/not_before", PN_WHERE_TOKEN,
     "The token is not valid yet at that time."},
    {PN_REASON_TOKEN_SUPERSEDED, "", "", "/secrets", PN_WHERE_TOKEN,
     "The secret was replaced by a newer one."},
    {PN_REASON_OWNER_INACTIVE, "", "", "/owner", PN_WHERE_TOKEN,
     "The owner's account is not active or does not exist any more."},
    {PN_REASON_OWNER_NOT_PERMITTED, "/creation", "", "", PN_WHERE_POLICY,
     "The policy lets none of the owner's groups have tokens."},
    {PN_REASON_TLS_REQUIRED, "/tls_required", "", "", PN_WHERE_POLICY,
     "The policy takes tokens over TLS only."},
    {PN_REASON_IP_NOT_ALLOWED, "/ip_rules", "/ip_rules", "/ip_rules",
     PN_WHERE_NONE, "The address is refused by these rules."},
    {PN_REASON_APP_NOT_ALLOWED, "", "/groups", "/apps", PN_WHERE_NONE,
     "The token or its owner may not use this application."},
    {PN_REASON_PATH_NOT_ALLOWED, "", "/paths", "/paths", PN_WHERE_NONE,
     "No path pattern fits this method and path."},
    {PN_REASON_PATH_AMBIGUOUS, "", "/paths", "/paths", PN_WHERE_NONE,
     "The path can be read in two ways, so it fits no pattern but /**."},
    {PN_REASON_READ_ONLY_TOKEN, "/creation/read_only", "", "/access",
     PN_WHERE_TOKEN, "A read-only token may not use this method here."},
    {PN_REASON_RATE_LIMITED, "", "", "/rate_limit", PN_WHERE_TOKEN,
     "The token is used more often than it may be."},
};

static const struct wording *
wording_of(enum pn_reason reason)
{
    static const struct wording other = {PN_REASON_UNDECIDED,
                                         "",
                                         "",
                                         "",
                                         PN_WHERE_NONE,
                                         "The request is not passed on."};
    for (size_t i = 0; i < PN_LEN(wordings); i++) {
        if (wordings[i].reason == reason) {
            return &wordings[i];
        }
    }
    return &other;
}

/* "policy", "app \"jira\"", "token \"backup\"", ""; NULL: no memory. */
static char *
place(const struct pn_subject *subject, enum pn_where where,
      struct pn_arena *arena)
{
    switch (where) {
    case PN_WHERE_POLICY:
        return pn_arena_dup(arena, PN_STR("policy"));
    case PN_WHERE_APP:
        return pn_arena_printf(arena, "app \"%s\"", subject->app.name);
    case PN_WHERE_TOKEN:
        return pn_arena_printf(arena, "token \"%s\"",
                               subject->has_token ? subject->token.name : "");
    case PN_WHERE_NONE:
        break;
    }
    return pn_arena_dup(arena, PN_STR(""));
}

static const char *
pointer_of(const struct wording *wording, enum pn_where where)
{
    switch (where) {
    case PN_WHERE_POLICY:
        return wording->policy;
    case PN_WHERE_APP:
        return wording->app;
    case PN_WHERE_TOKEN:
        return wording->token;
    case PN_WHERE_NONE:
        break;
    }
    return "";
}

/* Address rules that let it through, but tell of it. */
static bool
name_reporters(const struct pn_subject *subject, uint8_t reporters,
               struct pn_arena *arena, struct pn_answer *out)
{
    static const struct {
        enum pn_reporter bit;
        enum pn_where where;
    } rules[] = {{PN_REPORTER_POLICY, PN_WHERE_POLICY},
                 {PN_REPORTER_APP, PN_WHERE_APP}};
    for (size_t i = 0; i < PN_LEN(rules); i++) {
        if ((reporters & rules[i].bit) == 0) {
            continue;
        }
        char *where = place(subject, rules[i].where, arena);
        if (where == NULL) {
            return false;
        }
        out->reporter[out->reporter_count++] = where;
    }
    return true;
}

bool
pn_answer_in_words(const struct pn_subject *subject,
                   const struct pn_decision *decision, struct pn_arena *arena,
                   struct pn_answer *out)
{
    const struct wording *wording = wording_of(decision->reason);
    enum pn_where where =
        decision->where != PN_WHERE_NONE ? decision->where : wording->where;
    struct pn_answer answer = {.decision = *decision};
    if (decision->verdict != PN_DENY) {
        where = PN_WHERE_NONE; /* rules that only report decide nothing */
    }
    answer.where = place(subject, where, arena);
    answer.pointer =
        pn_arena_dup(arena, pn_str_from(pointer_of(wording, where)));
    answer.detail =
        decision->reason == PN_REASON_PATH_AMBIGUOUS
                && decision->ambiguity != PN_TARGET_CANONICAL
            ? pn_arena_printf(arena, "%s It holds %s.", wording->detail,
                              pn_ambiguity_text(decision->ambiguity))
            : pn_arena_dup(arena, pn_str_from(wording->detail));
    if (answer.where == NULL || answer.pointer == NULL || answer.detail == NULL
        || !name_reporters(subject, decision->reporters, arena, &answer))
    {
        return false;
    }
    *out = answer;
    return true;
}
