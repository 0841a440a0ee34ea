/* SPDX-License-Identifier: Apache-2.0 */
/* Where things are on this machine. */
#include "cli/place.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.h"
#include "base/str.h"
#include "cli/files.h"
#include "cli/print.h"

/* Where meson installs, for a postern that runs from there. */
#ifndef PN_SBINDIR
#define PN_SBINDIR "/usr/sbin"
#endif
#ifndef PN_MODULEDIR
#define PN_MODULEDIR "/usr/lib/nginx/modules"
#endif

enum { NOTE_MAX = 16 << 10 };

const char *
pn_env(const char *name)
{
    /* One thread, and nobody calls setenv(). */
    const char *value = getenv(name); /* NOLINT(concurrency-mt-unsafe) */

    return value != NULL && value[0] != '\0' ? value : NULL;
}

/* $variable/tail, or $HOME/fallback/tail; relative paths do not count, as the
 * XDG base directory specification says. */
static const char *
xdg(struct pn_arena *arena, const char *variable, const char *fallback,
    const char *tail)
{
    const char *base = pn_env(variable);

    if (base != NULL && base[0] == '/') {
        return pn_arena_printf(arena, "%s/%s", base, tail);
    }
    base = pn_env("HOME");
    if (base == NULL || base[0] != '/') {
        return NULL;
    }
    return pn_arena_printf(arena, "%s/%s/%s", base, fallback, tail);
}

const char *
pn_place_session(struct pn_arena *arena)
{
    return xdg(arena, "XDG_CONFIG_HOME", ".config", "postern/session");
}

const char *
pn_place_data(struct pn_arena *arena)
{
    if (geteuid() == 0) {
        return "/var/lib/postern-up";
    }
    return xdg(arena, "XDG_DATA_HOME", ".local/share", "postern-up");
}

const char *
pn_place_note(struct pn_arena *arena)
{
    const char *base = pn_env("XDG_RUNTIME_DIR");

    if (base != NULL && base[0] == '/') {
        return pn_arena_printf(arena, "%s/postern/up.json", base);
    }
    return geteuid() == 0 ? "/run/postern/up.json" : NULL;
}

static const char *
note_in_data(struct pn_arena *arena, const char *data)
{
    return data != NULL ? pn_arena_printf(arena, "%s/run.json", data) : NULL;
}

/* Others must not tell us where to send a password. */
static bool
is_ours(const char *path)
{
    struct stat st;

    return lstat(path, &st) == 0 && S_ISREG(st.st_mode)
           && (st.st_uid == geteuid() || st.st_uid == 0)
           && (st.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

static enum pn_err
note_read(const char *path, struct pn_arena *arena, struct pn_note *out)
{
    struct pn_str text;
    json_t *doc = NULL;
    struct pn_note note;

    if (path == NULL || !is_ours(path)
        || pn_file_read(path, NOTE_MAX, arena, &text) != PN_OK
        || pn_json_parse(text, &doc, NULL, 0) != PN_OK)
    {
        return PN_E_NOT_FOUND;
    }
    doc = pn_json_defer(arena, doc);
    note = (struct pn_note){
        .pid = (long) json_integer_value(json_object_get(doc, "pid")),
        .data = pn_json_text(doc, "data"),
        .url = pn_json_text(doc, "url"),
        .admin_socket = pn_json_text(doc, "admin_socket"),
        .cacert = pn_json_text(doc, "cacert"),
    };
    if (note.pid <= 1 || note.url[0] == '\0'
        || (kill((pid_t) note.pid, 0) != 0 && errno != EPERM))
    {
        return PN_E_NOT_FOUND;
    }
    *out = note;
    return PN_OK;
}

enum pn_err
pn_note_find(struct pn_arena *arena, struct pn_note *out)
{
    if (note_read(pn_place_note(arena), arena, out) == PN_OK) {
        return PN_OK;
    }
    return note_read(note_in_data(arena, pn_place_data(arena)), arena, out);
}

enum pn_err
pn_note_put(const struct pn_note *note, struct pn_arena *arena)
{
    const char *path = pn_place_note(arena);
    const char *own = note_in_data(arena, note->data);
    json_t *doc =
        json_pack("{s:I, s:s, s:s, s:s, s:s}", "pid", (json_int_t) note->pid,
                  "data", note->data, "url", note->url, "admin_socket",
                  note->admin_socket, "cacert", note->cacert);
    char *text = doc != NULL ? json_dumps(doc, JSON_INDENT(2)) : NULL;
    enum pn_err err = PN_E_NOMEM;
    char *dir;

    if (text == NULL || own == NULL) {
        goto out;
    }

    /* A convenience: without it commands need --socket. */
    dir = path != NULL ? pn_arena_dup(arena, pn_str_from(path)) : NULL;
    if (dir != NULL) {
        *strrchr(dir, '/') = '\0';
        if (pn_dir_make(dir, 0755) == PN_OK) {
            (void) !pn_file_write(path, 0600, pn_str_from(text));
        }
    }
    err = pn_file_write(own, 0600, pn_str_from(text));

out:
    free(text);
    json_decref(doc);
    return err;
}

void
pn_note_remove(const struct pn_note *note, struct pn_arena *arena)
{
    const char *paths[2] = {note_in_data(arena, note->data),
                            pn_place_note(arena)};
    struct pn_note found;

    for (size_t i = 0; i < PN_LEN(paths); i++) {
        if (note_read(paths[i], arena, &found) == PN_OK
            && found.pid == note->pid) {
            (void) unlink(paths[i]);
        }
    }
}

/* beside: relative to this program's directory, as in the build folder. */
static const char *
find_part(struct pn_arena *arena, const char *beside, const char *installed,
          int how)
{
    char self[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
    const char *path;

    if (len > 0) {
        self[len] = '\0';
        *strrchr(self, '/') = '\0';
        path = pn_arena_printf(arena, "%s/%s", self, beside);
        if (path != NULL && access(path, how) == 0) {
            char *real = realpath(path, NULL);
            const char *kept =
                real != NULL ? pn_arena_dup(arena, pn_str_from(real)) : NULL;

            free(real);
            return kept;
        }
    }
    return access(installed, how) == 0 ? installed : NULL;
}

const char *
pn_place_posternd(struct pn_arena *arena)
{
    return find_part(arena, "../daemon/posternd", PN_SBINDIR "/posternd", X_OK);
}

const char *
pn_place_module(struct pn_arena *arena)
{
    return find_part(arena, "../nginx/ngx_http_postern_module.so",
                     PN_MODULEDIR "/ngx_http_postern_module.so", R_OK);
}

const char *
pn_place_nginx(struct pn_arena *arena)
{
    const char *path = pn_env("PATH");
    struct pn_str rest = pn_str_from(path != NULL ? path : ""), dir;
    static const char *const usual[] = {"/usr/sbin/nginx",
                                        "/usr/local/sbin/nginx"};

    while (rest.len > 0) {
        const char *candidate;

        if (!pn_str_cut(rest, ':', &dir, &rest)) {
            dir = rest;
            rest.len = 0;
        }
        candidate =
            dir.len > 0 && dir.ptr[0] == '/'
                ? pn_arena_printf(arena, "%.*s/nginx", (int) dir.len, dir.ptr)
                : NULL;
        if (candidate != NULL && access(candidate, X_OK) == 0) {
            return candidate;
        }
    }
    for (size_t i = 0; i < PN_LEN(usual); i++) {
        if (access(usual[i], X_OK) == 0) {
            return usual[i];
        }
    }
    return NULL;
}
