/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The page at /postern/: what a person finds who follows the address that
 * `postern up` prints.  One constant text without style or script, so that the
 * policy of every other answer (default-src 'none') is kept; dark and light are
 * the browser's own.  Nothing of the request is repeated in it.
 */
#include "base/str.h"
#include "daemon/api/call.h"

static const char page[] =
    "<!doctype html>\n"
    "<html lang=\"en\">\n"
    "<head>\n"
    "<meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width\">\n"
    "<meta name=\"color-scheme\" content=\"light dark\">\n"
    "<title>Postern</title>\n"
    "</head>\n"
    "<body>\n"
    "<main>\n"
    "<h1>Postern</h1>\n"
    "<p>Programs reach the applications of this site with personal API\n"
    "tokens. Tokens are made with the command line or the REST interface;\n"
    "there are no pages for it.</p>\n"
    "<h2>Make a token</h2>\n"
    "<p>Put the address of this site, as your browser shows it up to the\n"
    "first single slash, in place of <code>ORIGIN</code>, and your user name\n"
    "in place of <code>NAME</code>.</p>\n"
    "<pre><code>postern login --url ORIGIN --user NAME\n"
    "postern token create backup --days 30 --read-only\n"
    "curl --user NAME ORIGIN/</code></pre>\n"
    "<p>The second command prints the token, once. curl asks for a password:\n"
    "the token is it.</p>\n"
    "<h2>REST interface</h2>\n"
    "<p><a href=\"api/v1/openapi.yaml\">Its description (OpenAPI)</a></p>\n"
    "</main>\n"
    "</body>\n"
    "</html>\n";

void
pn_api_landing_get(void *context, const struct pn_http_request *req,
                   struct pn_http_response *res)
{
    static const struct pn_call_rule anyone = {.who = PN_ANYONE};
    struct pn_call call;

    if (pn_call_begin(&call, context, req, res, &anyone)) {
        res->status = 200;
        res->content_type = "text/html; charset=utf-8";
        res->body = PN_STR(page);
    }
}
