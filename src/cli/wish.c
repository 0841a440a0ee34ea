/* SPDX-License-Identifier: Apache-2.0 */
/* Building request documents from options. */
#include "cli/wish.h"

#include <errno.h>
#include <string.h>

#include "base/datetime.h"
#include "base/str.h"
#include "cli/files.h"
#include "cli/http.h"

enum { DATE_LEN = 10 };

bool
pn_wish_text(const struct pn_cli *cli, const char *option, json_t *doc,
             const char *member)
{
    const char *value = pn_cli_value(cli, option);

    return value == NULL
           || json_object_set_new(doc, member, json_string(value)) == 0;
}

/* Appends an option's values to a list. */
static bool
gather(const struct pn_cli *cli, const char *option, json_t *list)
{
    const char *value;
    size_t at = 0;

    while ((value = pn_cli_next(cli, option, &at)) != NULL) {
        if (json_array_append_new(list, json_string(value)) != 0) {
            return false;
        }
    }
    return true;
}

bool
pn_wish_list(const struct pn_cli *cli, const char *option, json_t *doc,
             const char *member)
{
    json_t *list;

    if (!pn_cli_has(cli, option)) {
        return true;
    }
    list = json_array();
    if (!gather(cli, option, list)) {
        json_decref(list);
        return false;
    }
    return json_object_set_new(doc, member, list) == 0;
}

bool
pn_wish_ip(const struct pn_cli *cli, json_t *doc, const char *member)
{
    const char *otherwise = pn_cli_value(cli, "ip-default");
    bool allows = pn_cli_has(cli, "ip") || pn_cli_has(cli, "ip-allow");
    json_t *allow, *deny, *rules;

    if (otherwise == NULL && !allows && !pn_cli_has(cli, "ip-deny")) {
        return !pn_cli_has(cli, "ip-mode")
               || json_object_set_new(
                      doc, member,
                      json_pack("{s:s}", "mode", pn_cli_value(cli, "ip-mode")))
                      == 0;
    }
    if (otherwise == NULL) { /* naming who may means that others may not */
        otherwise = allows ? "deny" : "allow";
    }
    rules = json_pack("{s:s*, s:s, s:o, s:o}", "mode",
                      pn_cli_value(cli, "ip-mode"), "default", otherwise,
                      "allow", json_array(), "deny", json_array());
    allow = json_object_get(rules, "allow");
    deny = json_object_get(rules, "deny");
    if (rules == NULL || !gather(cli, "ip", allow)
        || !gather(cli, "ip-allow", allow) || !gather(cli, "ip-deny", deny))
    {
        json_decref(rules);
        return false;
    }
    return json_object_set_new(doc, member, rules) == 0;
}

enum pn_exit
pn_wish_switch(const struct pn_cli *cli, const char *option, json_t *doc,
               const char *member)
{
    const char *value = pn_cli_value(cli, option);
    bool on;

    if (value == NULL) {
        return PN_EXIT_OK;
    }
    on = strcmp(value, "on") == 0;
    if (!on && strcmp(value, "off") != 0) {
        return pn_cli_usage(cli, "option '--%s' is on or off, not '%s'", option,
                            value);
    }
    return json_object_set_new(doc, member, json_boolean(on)) == 0
               ? PN_EXIT_OK
               : pn_cli_nomem();
}

enum pn_exit
pn_wish_file(struct pn_cli *cli, const char *path, json_t **out)
{
    struct pn_str text;
    char why[160] = "";
    json_t *doc = NULL;
    enum pn_err err = pn_file_read(path, PN_JSON_MAX, cli->arena, &text);

    if (err != PN_OK) {
        pn_say("cannot read '%s': %s", path,
               err == PN_E_IO ? strerrordesc_np(errno) : pn_err_text(err));
        return PN_EXIT_ERROR;
    }
    if (pn_json_parse(text, &doc, why, sizeof(why)) != PN_OK) {
        pn_say("'%s' is not JSON: %s", path, why);
        return PN_EXIT_ERROR;
    }
    if (!json_is_object(doc)) {
        json_decref(doc);
        pn_say("'%s' must hold one object in braces", path);
        return PN_EXIT_ERROR;
    }
    *out = pn_json_defer(cli->arena, doc);
    return *out != NULL ? PN_EXIT_OK : pn_cli_nomem();
}

enum pn_exit
pn_wish_instant(struct pn_cli *cli, const char *option, const char **out)
{
    const char *text = pn_cli_value(cli, option), *whole = text;
    int64_t at;

    if (strlen(text) == DATE_LEN) {
        whole = pn_arena_printf(cli->arena, "%sT23:59:59Z", text);
        if (whole == NULL) {
            return pn_cli_nomem();
        }
    }
    if (pn_datetime_parse(pn_str_from(whole), &at) != PN_OK) {
        return pn_cli_usage(cli,
                            "option '--%s' wants a date such as 2027-01-31 or "
                            "an instant such as 2027-01-31T18:00:00Z, not '%s'",
                            option, text);
    }
    *out = whole;
    return PN_EXIT_OK;
}

const char *
pn_wish_since(struct pn_cli *cli)
{
    const char *since = pn_cli_value(cli, "since");

    return since != NULL && strlen(since) == DATE_LEN
               ? pn_arena_printf(cli->arena, "%sT00:00:00Z", since)
               : since;
}

bool
pn_wish_parameter(struct pn_cli *cli, struct pn_buf *query, const char *name,
                  const char *value)
{
    const char *escaped;

    if (value == NULL) {
        return true;
    }
    escaped = pn_http_escape(cli->arena, value);
    if (escaped != NULL) {
        pn_buf_addf(query, "%s%s=%s", query->len > 0 ? "&" : "", name, escaped);
    }
    return escaped != NULL && !query->full;
}
