/* SPDX-License-Identifier: Apache-2.0 */
/* The session that "postern login" keeps. */
#include "cli/session.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.h"
#include "base/secret.h"
#include "base/str.h"
#include "cli/files.h"
#include "cli/place.h"
#include "cli/print.h"

enum { SESSION_FILE_MAX = 8 << 10 };

enum pn_err
pn_session_load(struct pn_arena *arena, struct pn_kept_session *out)
{
    const char *path = pn_place_session(arena);
    struct pn_str text;
    struct stat st;
    json_t *doc = NULL;

    if (path == NULL || lstat(path, &st) != 0) {
        return PN_E_NOT_FOUND;
    }
    if (!S_ISREG(st.st_mode) || st.st_uid != geteuid()
        || (st.st_mode & 077) != 0) {
        return PN_E_PERMISSION;
    }
    if (pn_file_read(path, SESSION_FILE_MAX, arena, &text) != PN_OK
        || pn_json_parse(text, &doc, NULL, 0) != PN_OK)
    {
        return PN_E_NOT_FOUND;
    }
    doc = pn_json_defer(arena, doc);
    out->url = pn_json_text(doc, "url");
    out->username = pn_json_text(doc, "username");
    out->cookie = pn_json_text(doc, "cookie");
    out->cacert = pn_json_text(doc, "cacert");
    return out->url[0] != '\0' && out->cookie[0] != '\0' ? PN_OK
                                                         : PN_E_NOT_FOUND;
}

enum pn_err
pn_session_save(const struct pn_kept_session *session, struct pn_arena *arena)
{
    const char *path = pn_place_session(arena);
    char *dir = path != NULL ? pn_arena_dup(arena, pn_str_from(path)) : NULL;
    json_t *doc = NULL;
    char *text = NULL;
    enum pn_err err = PN_E_NOT_FOUND;

    if (dir == NULL) {
        return err;
    }
    *strrchr(dir, '/') = '\0';
    doc = json_pack("{s:s, s:s, s:s, s:s}", "url", session->url, "username",
                    session->username, "cookie", session->cookie, "cacert",
                    session->cacert);
    text = doc != NULL ? json_dumps(doc, JSON_INDENT(2)) : NULL;
    err = text == NULL ? PN_E_NOMEM : pn_dir_make(dir, 0700);
    if (err == PN_OK) {
        err = pn_file_write(path, 0600, pn_str_from(text));
    }
    if (text != NULL) {
        pn_wipe(text, strlen(text));
    }
    free(text);
    json_decref(doc);
    return err;
}

void
pn_session_forget(struct pn_arena *arena)
{
    const char *path = pn_place_session(arena);

    if (path != NULL) {
        (void) unlink(path);
    }
}
