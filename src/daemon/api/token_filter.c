/* SPDX-License-Identifier: Apache-2.0 */
/* The filter of a list of tokens. */
#include "daemon/api/token_filter.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/str.h"
#include "daemon/api/query.h"

enum { UNUSED_DAYS_MAX = 36500 };

const char *const pn_token_filter_query[] = {
    "state",       "owner",          "group",
    "app",         "search",         "never_used",
    "unused_days", "expires_before", "no_expiry",
    "no_ip_rule",  "to_be_disabled", "cursor",
    "limit",       "sort",           NULL};

static const char *const sort_words[] = {"created",   "name",       "expires",
                                         "last_used", "-created",   "-name",
                                         "-expires",  "-last_used", NULL};

static void
read_state(const struct pn_doc *doc, struct pn_token_filter *filter)
{
    static const char *const states[] = {
        "revoked",       "expired", "disabled", "suspended",
        "not_yet_valid", "active",  NULL};
    unsigned state = 0;

    if (pn_doc_has(doc, "state")) {
        pn_doc_word(doc, "state", states, &state);
        filter->has_state = true;
        filter->state = (enum pn_token_state) state;
    }
}

/* The newest first, unless something else is asked for. */
static void
read_sort(const struct pn_doc *doc, struct pn_token_filter *filter)
{
    enum { WAYS = PN_SORT_LAST_USED + 1 };
    unsigned word = WAYS;

    pn_doc_word(doc, "sort", sort_words, &word);
    filter->sort = (enum pn_token_sort)(word % WAYS);
    filter->ascending = word < WAYS;
}

static void
read_unused(const struct pn_doc *doc, struct pn_token_filter *filter)
{
    static const struct pn_doc_limits days = {.min = 1, .max = UNUSED_DAYS_MAX};
    uint32_t count = 0;

    pn_doc_number(doc, "unused_days", &days, &count);
    pn_doc_bool(doc, "never_used", &filter->never_used);
    if (count > 0) {
        filter->unused_since =
            (int64_t) time(NULL) - (int64_t) count * PN_DAY_S;
        if (filter->never_used) {
            pn_doc_bad(doc, "unused_days", "conflict",
                       "Give either \"never_used\" or \"unused_days\", not "
                       "both.");
        }
    }
}

void
pn_token_filter_read(const struct pn_doc *doc, struct pn_token_query *out)
{
    static const struct pn_doc_text name = {
        .what = "name", .min = 1, .max = PN_USERNAME_MAX};
    char *owner = NULL, *group = NULL, *app = NULL, *search = NULL;

    pn_doc_text(doc, "owner", &name, &owner);
    pn_doc_text(doc, "group", &name, &group);
    pn_doc_text(doc, "app", &name, &app);
    pn_doc_text(doc, "search", &name, &search);
    read_state(doc, &out->filter);
    read_unused(doc, &out->filter);
    pn_doc_instant(doc, "expires_before", PN_NULL_REFUSED,
                   &out->filter.expires_before);
    pn_doc_bool(doc, "no_expiry", &out->filter.no_expiry);
    pn_doc_bool(doc, "no_ip_rule", &out->filter.no_ip_rule);
    pn_doc_bool(doc, "to_be_disabled", &out->filter.to_be_disabled);
    read_sort(doc, &out->filter);
    out->owner = owner;
    out->group = group;
    out->app = app;
    out->filter.search = search;
}

/* --- from a query -------------------------------------------------------- */

static bool
is_number(const char *text)
{
    size_t len = strspn(text, "0123456789");

    return len > 0 && len < 10 && text[len] == '\0';
}

/* As a document would say it; an empty search is none, as in a form that was
 * left empty. */
static json_t *
value_of(const char *name, const char *text)
{
    static const char *const flags[] = {"never_used", "no_expiry", "no_ip_rule",
                                        "to_be_disabled"};

    for (size_t i = 0; i < PN_LEN(flags); i++) {
        if (strcmp(name, flags[i]) == 0
            && (strcmp(text, "true") == 0 || strcmp(text, "false") == 0))
        {
            return json_boolean(text[0] == 't');
        }
    }
    if (strcmp(name, "search") == 0 && text[0] == '\0') {
        return NULL;
    }
    return strcmp(name, "unused_days") == 0 && is_number(text)
               ? json_integer(strtol(text, NULL, 10))
               : json_string(text);
}

static void
read_query(const struct pn_doc *doc, void *out)
{
    pn_token_filter_read(doc, out);
}

bool
pn_token_filter_from_query(struct pn_call *call, struct pn_token_query *out)
{
    static const struct pn_query_reader reader = {
        .names = pn_token_filter_query, .value = value_of, .read = read_query};
    struct pn_token_query query = {.owner = NULL};

    if (!pn_call_page(call, &query.page)
        || !pn_query_read(call, &reader, &query)) {
        return false;
    }
    *out = query;
    return true;
}
