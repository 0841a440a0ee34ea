/* SPDX-License-Identifier: Apache-2.0 */
/* One HTTP exchange, through libcurl. */
#include "cli/http.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

enum { TIMEOUT_S = 60, CONNECT_S = 10 };

/* What the callbacks fill. */
struct taking {
    CURL *curl;
    const struct pn_ask *ask;
    struct pn_arena *arena;
    struct pn_reply *reply;
    char *body;
    size_t len, size;
    bool too_long;
};

static size_t
/* NOLINTNEXTLINE(readability-non-const-parameter): curl's type */
take_body(char *bytes, size_t one, size_t len, void *arg)
{
    struct taking *taking = arg;
    long status = 0;

    (void) one; /* always 1 */
    if (taking->ask->sink != NULL) {
        (void) curl_easy_getinfo(taking->curl, CURLINFO_RESPONSE_CODE, &status);
    }
    if (status == 200) {
        return taking->ask->sink(taking->ask->sink_arg,
                                 (struct pn_str){bytes, len})
                   ? len
                   : 0;
    }
    if (len > PN_REPLY_MAX - taking->len) {
        taking->too_long = true;
        return 0;
    }
    if (taking->len + len + 1 > taking->size) {
        size_t size = (taking->len + len + 1) * 2;
        char *more = realloc(taking->body, size);

        if (more == NULL) {
            return 0;
        }
        taking->body = more;
        taking->size = size;
    }
    memcpy(taking->body + taking->len, bytes, len);
    taking->len += len;
    taking->body[taking->len] = '\0';
    return len;
}

static size_t
/* NOLINTNEXTLINE(readability-non-const-parameter): curl's type */
take_header(char *bytes, size_t one, size_t len, void *arg)
{
    struct taking *taking = arg;
    struct pn_str line = {bytes, len}, name, value;

    (void) one;
    while (
        line.len > 0
        && (line.ptr[line.len - 1] == '\n' || line.ptr[line.len - 1] == '\r'))
    {
        line.len--;
    }
    if (!pn_str_cut(line, ':', &name, &value)) {
        return len;
    }
    value = pn_str_trim(value);
    if (pn_str_eq_nocase(name, PN_STR("etag"))) {
        taking->reply->etag = pn_arena_dup(taking->arena, value);
    } else if (pn_str_eq_nocase(name, PN_STR("content-type"))) {
        taking->reply->type = pn_arena_dup(taking->arena, value);
    } else if (pn_str_eq_nocase(name, PN_STR("set-cookie"))) {
        value.len = pn_str_find(value, ';');
        taking->reply->set_cookie = pn_arena_dup(taking->arena, value);
    }
    return len;
}

static bool
add_header(struct curl_slist **list, struct pn_arena *arena, const char *name,
           const char *value)
{
    const char *line;
    struct curl_slist *longer;

    if (value == NULL) {
        return true;
    }
    line = pn_arena_printf(arena, "%s: %s", name, value);
    longer = line != NULL ? curl_slist_append(*list, line) : NULL;
    if (longer == NULL) {
        return false;
    }
    *list = longer;
    return true;
}

/* Everything but the callbacks and headers. */
static bool
set_request(CURL *curl, const struct pn_ask *ask)
{
    bool good =
        curl_easy_setopt(curl, CURLOPT_URL, ask->url) == CURLE_OK
        && curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, ask->method)
               == CURLE_OK
        && curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https")
               == CURLE_OK
        && curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L) == CURLE_OK
        && curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) == CURLE_OK
        && curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, (long) CONNECT_S)
               == CURLE_OK
        && curl_easy_setopt(curl, CURLOPT_USERAGENT, "postern/" PN_VERSION)
               == CURLE_OK;

    if (good && ask->socket != NULL) {
        good = curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, ask->socket)
                   == CURLE_OK
               && curl_easy_setopt(curl, CURLOPT_PROXY, "") == CURLE_OK;
    }
    if (good && ask->cacert != NULL) {
        good = curl_easy_setopt(curl, CURLOPT_CAINFO, ask->cacert) == CURLE_OK;
    }
    if (good && ask->cookie != NULL) {
        good = curl_easy_setopt(curl, CURLOPT_COOKIE, ask->cookie) == CURLE_OK;
    }
    if (good && ask->body.ptr != NULL) {
        good = curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE,
                                (curl_off_t) ask->body.len)
                   == CURLE_OK
               && curl_easy_setopt(curl, CURLOPT_POSTFIELDS, ask->body.ptr)
                      == CURLE_OK;
    }
    if (good && ask->username != NULL) {
        good =
            curl_easy_setopt(curl, CURLOPT_HTTPAUTH, CURLAUTH_BASIC) == CURLE_OK
            && curl_easy_setopt(curl, CURLOPT_USERNAME, ask->username)
                   == CURLE_OK
            && curl_easy_setopt(curl, CURLOPT_PASSWORD, ask->secret->bytes)
                   == CURLE_OK;
    }
    return good;
}

/* A whole answer in time, or as long as something comes. */
static bool
set_timeout(CURL *curl, const struct pn_ask *ask)
{
    long timeout = ask->timeout_s != 0 ? (long) ask->timeout_s : TIMEOUT_S;

    if (ask->sink == NULL) {
        return curl_easy_setopt(curl, CURLOPT_TIMEOUT, timeout) == CURLE_OK;
    }
    return curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L) == CURLE_OK
           && curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, timeout)
                  == CURLE_OK;
}

static bool
set_callbacks(CURL *curl, struct taking *taking, struct curl_slist *headers,
              char *why)
{
    return curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers) == CURLE_OK
           && curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, why) == CURLE_OK
           && curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body)
                  == CURLE_OK
           && curl_easy_setopt(curl, CURLOPT_WRITEDATA, taking) == CURLE_OK
           && curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header)
                  == CURLE_OK
           && curl_easy_setopt(curl, CURLOPT_HEADERDATA, taking) == CURLE_OK;
}

enum pn_err
pn_http_ask(const struct pn_ask *ask, struct pn_arena *arena,
            struct pn_reply *out, char *why, size_t why_len)
{
    struct pn_reply reply = {.type = ""};
    struct taking taking = {.ask = ask, .arena = arena, .reply = &reply};
    struct curl_slist *headers = NULL;
    char text[CURL_ERROR_SIZE] = "";
    CURL *curl = curl_easy_init();
    CURLcode code = CURLE_OUT_OF_MEMORY;
    enum pn_err err = PN_E_IO;

    taking.curl = curl;
    /* An empty "Expect" keeps curl from waiting for "100 Continue". */
    if (curl == NULL || !set_request(curl, ask) || !set_timeout(curl, ask)
        || !add_header(&headers, arena, "Accept", "application/json")
        || (ask->body.ptr != NULL
            && !add_header(&headers, arena, "Content-Type", "application/json"))
        || !add_header(&headers, arena, "Origin", ask->origin)
        || !add_header(&headers, arena, "If-Match", ask->if_match)
        || !set_callbacks(curl, &taking, headers, text))
    {
        goto out;
    }
    code = curl_easy_perform(curl);
    if (code != CURLE_OK) {
        goto out;
    }
    (void) curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &reply.status);
    if (taking.len > 0) {
        reply.body.ptr =
            pn_arena_dup(arena, (struct pn_str){taking.body, taking.len});
        reply.body.len = reply.body.ptr != NULL ? taking.len : 0;
    }
    *out = reply;
    err = PN_OK;

out:
    if (err != PN_OK) {
        (void) snprintf(why, why_len, "%s",
                        taking.too_long   ? "the answer is too long"
                        : text[0] != '\0' ? text
                                          : curl_easy_strerror(code));
    }
    if (taking.body != NULL) {
        pn_wipe(taking.body, taking.len); /* may hold a new token */
        free(taking.body);
    }
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    return err;
}

const char *
pn_http_escape(struct pn_arena *arena, const char *text)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t len = strlen(text);
    char *out = pn_arena_array(arena, len + 1, 3), *at = out;

    if (out == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char) text[i];

        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
            || (c >= '0' && c <= '9') || (c != '\0' && strchr("-_~", c))
            || (c == '.' && len > 2)) /* "." and ".." would be path steps */
        {
            *at++ = (char) c;
        } else {
            *at++ = '%';
            *at++ = digits[c >> 4];
            *at++ = digits[c & 15];
        }
    }
    *at = '\0';
    return out;
}
