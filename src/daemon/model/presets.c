/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Presets are documents like those an administrator sends, read by the same
 * code, so that none can say what an app could not.
 *
 * null as groups_header: Grafana takes users out of all teams when the header
 * is empty, and the other applications do not read it.
 */
#include "daemon/model/presets.h"

#include "base/str.h"
#include "daemon/model/codec.h"

#define ATLASSIAN_IDENTITY                                                     \
    "\"identity\":{\"user_header\":\"Remote-User\",\"groups_header\":null,"    \
    "\"name_header\":null,\"email_header\":null}"

#define GIT_READS "\"reads\":[\"POST /**/git-upload-pack\"]"

/* names[i] belongs to documents[i]. */
static const char *const names[] = {
    "generic", "jira",    "confluence", "bitbucket", "radicale",
    "gitea",   "grafana", "git",        NULL,
};

static const char *const documents[] = {
    "{\"name\":\"generic\",\"paths\":[\"/**\"]}",

    "{\"name\":\"jira\",\"paths\":[\"/rest/**\"],"
    "\"whoami\":{\"path\":\"/rest/api/2/"
    "myself\",\"field\":\"name\"}," ATLASSIAN_IDENTITY "}",

    "{\"name\":\"confluence\",\"paths\":[\"/rest/**\"],"
    "\"whoami\":{\"path\":\"/rest/api/user/"
    "current\",\"field\":\"username\"}," ATLASSIAN_IDENTITY "}",

    "{\"name\":\"bitbucket\",\"paths\":[\"/rest/**\"]," ATLASSIAN_IDENTITY "}",

    "{\"name\":\"radicale\",\"paths\":[\"/**\"],"
    "\"reads\":[\"PROPFIND /**\",\"REPORT /**\"],"
    "\"identity\":{\"user_header\":\"X-Remote-User\",\"groups_header\":null,"
    "\"name_header\":null,\"email_header\":null}}",

    "{\"name\":\"gitea\",\"paths\":[\"/**\"]," GIT_READS ","
    "\"whoami\":{\"path\":\"/api/v1/user\",\"field\":\"login\"},"
    "\"identity\":{\"user_header\":\"X-WEBAUTH-USER\",\"groups_header\":null,"
    "\"name_header\":\"X-WEBAUTH-FULLNAME\","
    "\"email_header\":\"X-WEBAUTH-EMAIL\"}}",

    "{\"name\":\"grafana\",\"paths\":[\"/**\"],"
    "\"whoami\":{\"path\":\"/api/user\",\"field\":\"login\"},"
    "\"identity\":{\"user_header\":\"X-WEBAUTH-USER\",\"groups_header\":null,"
    "\"name_header\":\"X-WEBAUTH-NAME\","
    "\"email_header\":\"X-WEBAUTH-EMAIL\"}}",

    "{\"name\":\"git\",\"paths\":[\"/**\"]," GIT_READS "}",
};

const char *const *
pn_app_preset_names(void)
{
    return names;
}

enum pn_err
pn_app_preset(struct pn_str name, struct pn_arena *arena, struct pn_app *out)
{
    struct pn_fault fault = {0};
    json_t *doc = NULL;
    enum pn_err err;
    size_t i = 0;

    while (names[i] != NULL && !pn_str_eq(name, pn_str_from(names[i]))) {
        i++;
    }
    if (names[i] == NULL) {
        return PN_E_NOT_FOUND;
    }
    err = pn_json_parse(pn_str_from(documents[i]), &doc, NULL, 0);
    if (err != PN_OK) {
        return err;
    }
    doc = pn_json_defer(arena, doc);
    return doc == NULL ? PN_E_NOMEM
                       : pn_app_from_json(doc, NULL, arena, out, &fault);
}
