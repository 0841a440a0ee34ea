/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading rows.
 *
 *     record   what was read of the present row: bytes up to its end
 *     line     lines that were read; a quoted cell of CSV may hold several
 */
#include "cli/rows.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "cli/rows_impl.h"

enum pn_err
pn_rows_new(FILE *file, const struct pn_rows_options *options,
            struct pn_rows **out)
{
    struct pn_rows *rows = calloc(1, sizeof(*rows));

    if (rows == NULL) {
        return PN_E_NOMEM;
    }
    rows->file = file;
    rows->options = *options;
    if (rows->options.delimiter == '\0') {
        rows->options.delimiter = ',';
    }
    *out = rows;
    return PN_OK;
}

void
pn_rows_free(struct pn_rows *rows)
{
    free(rows);
}

const char *
pn_rows_why(const struct pn_rows *rows)
{
    return rows->why;
}

uint64_t
pn_rows_bytes(const struct pn_rows *rows)
{
    return rows->bytes;
}

uint64_t
pn_rows_passed(const struct pn_rows *rows)
{
    return rows->passed;
}

enum pn_err
pn_rows_wrong(struct pn_rows *rows, enum pn_err err, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    (void) vsnprintf(rows->why, sizeof(rows->why), format, ap);
    va_end(ap);
    /* Part of it may come from the file. */
    for (char *c = rows->why; *c != '\0'; c++) {
        if ((unsigned char) *c < ' ' || *c == 0x7f) {
            *c = '?';
        }
    }
    return err;
}

/* --- lines --------------------------------------------------------------- */

int
pn_rows_byte(struct pn_rows *rows)
{
    int c = getc(rows->file);

    if (c != EOF) {
        rows->bytes++;
        rows->line += c == '\n';
    }
    return c;
}

void
pn_rows_keep(struct pn_rows *rows, int c)
{
    if (rows->len < PN_ROW_MAX) {
        rows->record[rows->len++] = (char) c;
    } else {
        rows->too_long = true;
    }
}

void
pn_rows_begin(struct pn_rows *rows)
{
    rows->len = 0;
    rows->too_long = false;
    rows->starts_at = rows->line + 1;
}

/* A file that some editors begin with a byte order mark. */
void
pn_rows_skip_mark(struct pn_rows *rows)
{
    static const char mark[] = "\xef\xbb\xbf";

    if (rows->starts_at == 1 && rows->len >= 3
        && memcmp(rows->record, mark, 3) == 0)
    {
        rows->len -= 3;
        memmove(rows->record, rows->record + 3, rows->len);
    }
}

/* A whole line without its end; PN_E_NOT_FOUND after the last. */
static enum pn_err
read_line(struct pn_rows *rows)
{
    int c;

    pn_rows_begin(rows);
    while ((c = pn_rows_byte(rows)) != EOF && c != '\n') {
        pn_rows_keep(rows, c);
    }
    if (c == EOF && ferror(rows->file) != 0) {
        return PN_E_IO;
    }
    if (c == EOF && rows->len == 0) {
        return PN_E_NOT_FOUND;
    }
    if (rows->len > 0 && rows->record[rows->len - 1] == '\r') {
        rows->len--;
    }
    pn_rows_skip_mark(rows);
    if (rows->too_long) {
        return pn_rows_wrong(rows, PN_E_SYNTAX, "longer than %d bytes",
                             PN_ROW_MAX);
    }
    return PN_OK;
}

static struct pn_str
record_of(const struct pn_rows *rows)
{
    return (struct pn_str){rows->record, rows->len};
}

static bool
is_blank(struct pn_str text)
{
    return pn_str_trim(text).len == 0;
}

/* --- JSON lines ---------------------------------------------------------- */

static const char *const types[] = {
    [PN_ROWS_USERS] = "user",
    [PN_ROWS_GROUPS] = "group",
    [PN_ROWS_TOKENS] = "token",
};

/* Is the row of the kind that is imported?  One that does not say is. */
static bool
is_of_kind(const struct pn_rows *rows, const json_t *doc)
{
    const char *type = json_string_value(json_object_get(doc, "type"));

    return type == NULL || strcmp(type, types[rows->options.kind]) == 0;
}

static enum pn_err
next_json(struct pn_rows *rows, struct pn_arena *arena, json_t **out)
{
    char why[PN_ROW_WHY_MAX - 20];
    enum pn_err err;
    json_t *doc = NULL;

    for (;;) {
        err = read_line(rows);
        if (err != PN_OK) {
            return err;
        }
        if (is_blank(record_of(rows))) {
            continue;
        }
        if (pn_json_parse(record_of(rows), &doc, why, sizeof(why)) != PN_OK) {
            return pn_rows_wrong(rows, PN_E_SYNTAX, "no JSON: %s", why);
        }
        doc = pn_json_defer(arena, doc);
        if (doc == NULL) {
            return PN_E_NOMEM;
        }
        if (!json_is_object(doc)) {
            return pn_rows_wrong(rows, PN_E_SYNTAX, "no JSON object");
        }
        if (is_of_kind(rows, doc)) {
            *out = doc;
            return PN_OK;
        }
        rows->passed++;
    }
}

/* --- htpasswd ------------------------------------------------------------ */

static enum pn_err
password_row(struct pn_rows *rows, struct pn_str line, struct pn_arena *arena,
             json_t **out)
{
    struct pn_str name, hash;
    json_t *doc;

    if (!pn_str_cut(line, ':', &name, &hash) || name.len == 0) {
        return pn_rows_wrong(rows, PN_E_SYNTAX, "not USER:PASSWORD");
    }
    if (!pn_str_is_utf8(name) || !pn_str_is_utf8(hash)) {
        return pn_rows_wrong(rows, PN_E_SYNTAX, "not UTF-8");
    }
    if (rows->options.passwords == PN_WITHOUT_PASSWORDS) {
        doc = json_pack("{s:s%}", "username", name.ptr, name.len);
    } else if (hash.len == 0) {
        return pn_rows_wrong(rows, PN_E_SYNTAX, "the password is empty");
    } else {
        doc = json_pack("{s:s%, s:s%}", "username", name.ptr, name.len,
                        "password_hash", hash.ptr, hash.len);
    }
    *out = pn_json_defer(arena, doc);
    return *out != NULL ? PN_OK : PN_E_NOMEM;
}

static enum pn_err
next_password(struct pn_rows *rows, struct pn_arena *arena, json_t **out)
{
    for (;;) {
        enum pn_err err = read_line(rows);
        struct pn_str line = record_of(rows);

        if (err != PN_OK) {
            return err;
        }
        if (!is_blank(line) && line.ptr[0] != '#') {
            return password_row(rows, line, arena, out);
        }
    }
}

/* --- any ----------------------------------------------------------------- */

enum pn_err
pn_rows_next(struct pn_rows *rows, struct pn_arena *arena, json_t **out,
             uint64_t *line)
{
    enum pn_err err = PN_E_STATE;

    switch (rows->options.format) {
    case PN_ROWS_CSV:
        err = pn_rows_next_csv(rows, arena, out);
        break;
    case PN_ROWS_JSONL:
        err = next_json(rows, arena, out);
        break;
    case PN_ROWS_HTPASSWD:
        err = next_password(rows, arena, out);
        break;
    }
    *line = rows->starts_at;
    return err;
}
