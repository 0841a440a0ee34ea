/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Well-known applications.  docs/reference/presets.md says where each line
 * comes from.  A groups header is sent only where the application reads one:
 * Grafana takes people out of all teams when it is empty.
 */
#include "cli/preset.h"

#include <string.h>

#include "base/str.h"

#define NO_OTHER_HEADERS                                                       \
    "'groups_header':null,'name_header':null,'email_header':null"

#define ATLASSIAN                                                              \
    "'paths':['/rest/**'],"                                                    \
    "'identity':{'user_header':'Remote-User'," NO_OTHER_HEADERS "}"

#define ATLASSIAN_ADVICE                                                       \
    "ignores identity headers unless an add-on reads them. Install one that\n" \
    "signs people in by the header 'Remote-User' and trusts this machine\n"    \
    "only; until then a request with a token reaches it as nobody.\n"

static const struct pn_preset presets[] = {
    {"generic", "{'paths':['/**']}",
     "The application gets the person's name in the header 'Remote-User'\n"
     "(and Remote-Groups, Remote-Name, Remote-Email). Tell it to trust that\n"
     "header from this machine, and let it listen on loopback only.\n"},

    {"jira",
     "{" ATLASSIAN ",'whoami':{'path':'/rest/api/2/myself','field':'name'}}",
     "Jira as it is sold " ATLASSIAN_ADVICE},

    {"confluence",
     "{" ATLASSIAN
     ",'whoami':{'path':'/rest/api/user/current','field':'username'}}",
     "Confluence as it is sold " ATLASSIAN_ADVICE},

    {"bitbucket", "{" ATLASSIAN ",'reads':['POST /**/git-upload-pack']}",
     "Bitbucket as it is sold " ATLASSIAN_ADVICE
     "For git over HTTP add its paths: postern app edit APP "
     "--path '/rest/**' --path '/scm/**'\n"},

    {"radicale",
     "{'paths':['/**'],'reads':['PROPFIND /**','REPORT /**'],"
     "'identity':{'user_header':'X-Remote-User'," NO_OTHER_HEADERS "}}",
     "Radicale must be told, in the section [auth] of its configuration:\n"
     "    type = http_x_remote_user\n"
     "and must listen on loopback only (hosts = 127.0.0.1:5232).\n"},

    {"gitea",
     "{'paths':['/**'],'reads':['POST /**/git-upload-pack'],"
     "'whoami':{'path':'/api/v1/user','field':'login'},"
     "'identity':{'user_header':'X-WEBAUTH-USER','groups_header':null,"
     "'name_header':'X-WEBAUTH-FULLNAME','email_header':'X-WEBAUTH-EMAIL'}}",
     "Gitea must be told, in app.ini, section [service]:\n"
     "    ENABLE_REVERSE_PROXY_AUTHENTICATION = true\n"
     "    ENABLE_REVERSE_PROXY_AUTHENTICATION_API = true\n"
     "    ENABLE_REVERSE_PROXY_EMAIL = true\n"},

    {"grafana",
     "{'paths':['/**'],'whoami':{'path':'/api/user','field':'login'},"
     "'identity':{'user_header':'X-WEBAUTH-USER','groups_header':null,"
     "'name_header':'X-WEBAUTH-NAME','email_header':'X-WEBAUTH-EMAIL'}}",
     "Grafana must be told, in grafana.ini, section [auth.proxy]:\n"
     "    enabled = true\n"
     "    header_name = X-WEBAUTH-USER\n"
     "    headers = Name:X-WEBAUTH-NAME Email:X-WEBAUTH-EMAIL\n"
     "    whitelist = 127.0.0.1\n"},

    {"git", "{'paths':['/**'],'reads':['POST /**/git-upload-pack']}",
     "The git server gets the person's name in the header 'Remote-User'; pass\n"
     "it to git-http-backend as REMOTE_USER.\n"},
};

const struct pn_preset *
pn_preset_find(const char *name)
{
    for (size_t i = 0; i < PN_LEN(presets); i++) {
        if (strcmp(presets[i].name, name) == 0) {
            return &presets[i];
        }
    }
    return NULL;
}

const char *
pn_preset_names(struct pn_arena *arena)
{
    const char *text = "";

    for (size_t i = 0; i < PN_LEN(presets) && text != NULL; i++) {
        text = pn_arena_printf(arena, "%s%s%s", text, i > 0 ? ", " : "",
                               presets[i].name);
    }
    return text != NULL ? text : "";
}

json_t *
pn_preset_app(const struct pn_preset *preset, struct pn_arena *arena)
{
    char *text = pn_arena_dup(arena, pn_str_from(preset->app));
    json_t *doc = NULL;

    if (text == NULL) {
        return NULL;
    }
    /* Written with ' so that it can be read above; no value holds one. */
    for (char *at = text; *at != '\0'; at++) {
        *at = *at == '\'' ? '"' : *at;
    }
    if (pn_json_parse(pn_str_from(text), &doc, NULL, 0) != PN_OK) {
        return NULL;
    }
    return pn_json_defer(arena, doc);
}
