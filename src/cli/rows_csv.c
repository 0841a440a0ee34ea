/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CSV as RFC 4180 has it: cells in quotes may hold the delimiter, line ends and
 * doubled quotes.  A record is taken apart as it is read; its cells lie one
 * after the other in rows->record, each up to its rows->end.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "cli/rows_impl.h"

static const struct pn_rows_column users[] = {
    {"username", PN_CELL_TEXT},
    {"display_name", PN_CELL_TEXT},
    {"email", PN_CELL_TEXT},
    {"groups", PN_CELL_LIST},
    {"role", PN_CELL_TEXT},
    {"active", PN_CELL_BOOL},
    {"kind", PN_CELL_TEXT},
    {"custodians", PN_CELL_LIST},
    {"custodian_groups", PN_CELL_LIST},
    {"password_hash", PN_CELL_TEXT},
    {NULL, PN_CELL_TEXT},
};

static const struct pn_rows_column groups[] = {
    {"name", PN_CELL_TEXT},
    {"description", PN_CELL_TEXT},
    {NULL, PN_CELL_TEXT},
};

static const struct pn_rows_column tokens[] = {
    {"owner", PN_CELL_TEXT},
    {"name", PN_CELL_TEXT},
    {"sha256", PN_CELL_TEXT},
    {"last_four", PN_CELL_TEXT},
    {"prefix", PN_CELL_TEXT},
    {"description", PN_CELL_TEXT},
    {"state", PN_CELL_TEXT},
    {"created_at", PN_CELL_INSTANT},
    {"not_before", PN_CELL_INSTANT},
    {"expires_at", PN_CELL_INSTANT},
    {"access", PN_CELL_TEXT},
    {"apps", PN_CELL_LIST},
    {"paths", PN_CELL_LIST},
    {"ip_rules", PN_CELL_RANGES},
    {"rate_limit", PN_CELL_RATE},
    {"scopes", PN_CELL_LIST},
    {NULL, PN_CELL_TEXT},
};

const struct pn_rows_column *const pn_rows_columns[] = {
    [PN_ROWS_USERS] = users,
    [PN_ROWS_GROUPS] = groups,
    [PN_ROWS_TOKENS] = tokens,
};

/* --- records ------------------------------------------------------------- */

/* What ended a cell. */
enum cell_end { CELL_NEXT, CELL_LINE, CELL_FILE, CELL_BAD };

/* What c, the byte behind a closing quote, says of where the cell ended. */
static enum cell_end
end_of_quoted(struct pn_rows *rows, int c)
{
    if (c == rows->options.delimiter) {
        return CELL_NEXT;
    }
    if (c == '\r') {
        c = pn_rows_byte(rows);
    }
    return c == '\n' ? CELL_LINE : c == EOF ? CELL_FILE : CELL_BAD;
}

/* The rest of a quoted cell, after its opening quote. */
static enum cell_end
read_quoted(struct pn_rows *rows)
{
    while (!rows->too_long) {
        int c = pn_rows_byte(rows);

        if (c == EOF) {
            return CELL_BAD;
        }
        if (c == '"') {
            c = pn_rows_byte(rows);
            if (c != '"') {
                return end_of_quoted(rows, c);
            }
        }
        pn_rows_keep(rows, c);
    }
    return CELL_BAD;
}

static enum cell_end
read_cell(struct pn_rows *rows, size_t start)
{
    int c = pn_rows_byte(rows);

    if (c == '"') {
        return read_quoted(rows);
    }
    while (c != EOF && c != '\n' && c != rows->options.delimiter) {
        if (c == '"') {
            return CELL_BAD; /* in the middle of an unquoted cell */
        }
        pn_rows_keep(rows, c);
        c = pn_rows_byte(rows);
    }
    if (c == '\n' && rows->len > start && rows->record[rows->len - 1] == '\r') {
        rows->len--;
    }
    return c == EOF ? CELL_FILE : c == '\n' ? CELL_LINE : CELL_NEXT;
}

/* After a mistake: the rest of the line is not looked at. */
static void
skip_line(struct pn_rows *rows)
{
    int c;

    do {
        c = pn_rows_byte(rows);
    } while (c != EOF && c != '\n');
}

static enum pn_err
bad_record(struct pn_rows *rows, enum cell_end end, const char *why)
{
    if (end == CELL_BAD || end == CELL_NEXT) {
        skip_line(rows); /* the cell ended in the middle of it */
    }
    return pn_rows_wrong(rows, PN_E_SYNTAX, "%s", why);
}

/* One record; PN_E_NOT_FOUND after the last. */
static enum pn_err
read_record(struct pn_rows *rows)
{
    enum cell_end end = CELL_NEXT;

    pn_rows_begin(rows);
    rows->cells = 0;
    while (end == CELL_NEXT) {
        if (rows->cells == PN_ROW_COLUMNS_MAX) {
            return bad_record(rows, end, "more than 64 columns");
        }
        end = read_cell(rows, rows->len);
        if (ferror(rows->file) != 0) {
            return PN_E_IO;
        }
        if (rows->too_long) {
            return bad_record(rows, end, "longer than 65536 bytes");
        }
        if (end == CELL_BAD) {
            return bad_record(rows, end,
                              "a quote where none belongs, or one that is "
                              "never closed");
        }
        if (rows->cells == 0) {
            pn_rows_skip_mark(rows);
        }
        rows->end[rows->cells++] = rows->len;
    }
    return end == CELL_FILE && rows->cells == 1 && rows->len == 0
               ? PN_E_NOT_FOUND
               : PN_OK;
}

/* A line with nothing in it is no record. */
static enum pn_err
next_record(struct pn_rows *rows)
{
    enum pn_err err;

    do {
        err = read_record(rows);
    } while (err == PN_OK && rows->cells == 1 && rows->len == 0);
    return err;
}

static struct pn_str
cell_at(const struct pn_rows *rows, size_t i)
{
    const size_t start = i > 0 ? rows->end[i - 1] : 0;

    return (struct pn_str){rows->record + start, rows->end[i] - start};
}

/* --- column names -------------------------------------------------------- */

static const struct pn_rows_column *
find_column(const struct pn_rows *rows, struct pn_str name)
{
    const struct pn_rows_column *c = pn_rows_columns[rows->options.kind];

    while (c->name != NULL && !pn_str_eq_nocase(name, pn_str_from(c->name))) {
        c++;
    }
    return c->name != NULL ? c : NULL;
}

static enum pn_err
read_names(struct pn_rows *rows)
{
    enum pn_err err = next_record(rows);

    if (err == PN_E_SYNTAX) {
        return PN_E_RANGE;
    }
    if (err != PN_OK) {
        return err;
    }
    for (size_t i = 0; i < rows->cells; i++) {
        struct pn_str name = pn_str_trim(cell_at(rows, i));

        rows->column[i] = find_column(rows, name);
        if (rows->column[i] == NULL) {
            return pn_rows_wrong(
                rows, PN_E_RANGE, "there is no column \"%.*s\"",
                (int) (name.len < 64 ? name.len : 64), name.ptr);
        }
        for (size_t k = 0; k < i; k++) {
            if (rows->column[k] == rows->column[i]) {
                return pn_rows_wrong(rows, PN_E_RANGE,
                                     "the column \"%s\" occurs twice",
                                     rows->column[i]->name);
            }
        }
    }
    rows->columns = rows->cells;
    return PN_OK;
}

/* --- cells --------------------------------------------------------------- */

static json_t *
list_of(struct pn_str text)
{
    json_t *list = json_array();
    struct pn_str item;

    while (text.len > 0) {
        struct pn_str rest = {text.ptr + text.len, 0};

        item = text;
        (void) pn_str_cut(text, ';', &item, &rest);
        item = pn_str_trim(item);
        if (item.len > 0
            && json_array_append_new(list, json_stringn(item.ptr, item.len))
                   != 0)
        {
            json_decref(list);
            return NULL;
        }
        text = rest;
    }
    return list;
}

static json_t *
bool_of(struct pn_str text)
{
    static const char *const yes[] = {"true", "yes", "1"};
    static const char *const no[] = {"false", "no", "0"};

    for (size_t i = 0; i < PN_LEN(yes); i++) {
        if (pn_str_eq_nocase(text, pn_str_from(yes[i]))) {
            return json_true();
        }
        if (pn_str_eq_nocase(text, pn_str_from(no[i]))) {
            return json_false();
        }
    }
    return json_stringn(text.ptr, text.len); /* is refused by its name */
}

/* Digits of at most ten places. */
static json_t *
number_of(struct pn_str text)
{
    json_int_t value = 0;

    if (text.len == 0 || text.len > 9) {
        return json_stringn(text.ptr, text.len);
    }
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9') {
            return json_stringn(text.ptr, text.len);
        }
        value = value * 10 + (text.ptr[i] - '0');
    }
    return json_integer(value);
}

static json_t *
rate_of(struct pn_str text)
{
    struct pn_str requests = text, seconds = PN_STR("");

    (void) pn_str_cut(text, '/', &requests, &seconds);
    return json_pack("{s:o, s:o}", "requests", number_of(pn_str_trim(requests)),
                     "seconds", number_of(pn_str_trim(seconds)));
}

/* Only from there. */
static json_t *
ranges_of(struct pn_str text)
{
    json_t *list = list_of(text), *allow = json_array();
    json_t *item;
    size_t i;

    json_array_foreach(list, i, item)
    {
        if (json_array_append_new(allow, json_pack("{s:O}", "range", item))
            != 0) {
            json_decref(allow);
            allow = NULL;
            break;
        }
    }
    json_decref(list);
    return json_pack("{s:s, s:o}", "default", "deny", "allow", allow);
}

static json_t *
value_of(const struct pn_rows_column *column, struct pn_str text)
{
    switch (column->cell) {
    case PN_CELL_LIST:
        return list_of(text);
    case PN_CELL_BOOL:
        return bool_of(pn_str_trim(text));
    case PN_CELL_RATE:
        return rate_of(text);
    case PN_CELL_RANGES:
        return ranges_of(text);
    case PN_CELL_INSTANT:
        if (pn_str_eq_nocase(pn_str_trim(text), PN_STR("never"))) {
            return json_null();
        }
        break;
    case PN_CELL_TEXT:
        break;
    }
    return json_stringn(text.ptr, text.len);
}

/*
 * What a spreadsheet would take for a formula gets an apostrophe in front,
 * which is taken away when it is read: names come from people who may not be
 * the reader's friends.
 */
static bool
is_formula(struct pn_str text)
{
    return text.len > 0 && text.ptr[0] != '\0'
           && strchr("=+-@\t\r", text.ptr[0]) != NULL;
}

static struct pn_str
without_guard(struct pn_str cell)
{
    const struct pn_str rest = {cell.ptr + 1, cell.len - 1};

    return cell.len > 1 && cell.ptr[0] == '\'' && is_formula(rest) ? rest
                                                                   : cell;
}

static enum pn_err
row_of_cells(struct pn_rows *rows, struct pn_arena *arena, json_t **out)
{
    json_t *doc = pn_json_defer(arena, json_object());

    if (doc == NULL) {
        return PN_E_NOMEM;
    }
    if (rows->cells != rows->columns) {
        return pn_rows_wrong(rows, PN_E_SYNTAX,
                             "%u cells, and %u columns have names",
                             (unsigned) rows->cells, (unsigned) rows->columns);
    }
    for (size_t i = 0; i < rows->cells; i++) {
        struct pn_str cell = without_guard(cell_at(rows, i));

        if (!pn_str_is_utf8(cell)) {
            return pn_rows_wrong(rows, PN_E_SYNTAX, "\"%s\" is not UTF-8",
                                 rows->column[i]->name);
        }
        /* empty = not given */
        if (cell.len > 0
            && json_object_set_new(doc, rows->column[i]->name,
                                   value_of(rows->column[i], cell))
                   != 0)
        {
            return PN_E_NOMEM;
        }
    }
    *out = doc;
    return PN_OK;
}

enum pn_err
pn_rows_next_csv(struct pn_rows *rows, struct pn_arena *arena, json_t **out)
{
    enum pn_err err = rows->columns == 0 ? read_names(rows) : PN_OK;

    if (err == PN_OK) {
        err = next_record(rows);
    }
    return err == PN_OK ? row_of_cells(rows, arena, out) : err;
}

/* --- writing ------------------------------------------------------------- */

static void
add_list(struct pn_buf *out, const json_t *list, const char *member)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);

        pn_buf_add_cstr(out, i > 0 ? ";" : "");
        pn_buf_add_cstr(
            out, json_string_value(
                     member != NULL ? json_object_get(item, member) : item));
    }
}

/* The cell's text, as it would be read. */
static void
add_text(struct pn_buf *out, const json_t *value,
         const struct pn_rows_column *column)
{
    if (column->cell == PN_CELL_INSTANT && json_is_null(value)) {
        pn_buf_add_cstr(out, "never");
    } else if (column->cell == PN_CELL_LIST) {
        add_list(out, value, NULL);
    } else if (column->cell == PN_CELL_RANGES) {
        add_list(out, json_object_get(value, "allow"), "range");
    } else if (column->cell == PN_CELL_RATE && json_is_object(value)) {
        pn_buf_addf(
            out, "%lld/%lld",
            (long long) json_integer_value(json_object_get(value, "requests")),
            (long long) json_integer_value(json_object_get(value, "seconds")));
    } else if (json_is_boolean(value)) {
        pn_buf_add_cstr(out, json_is_true(value) ? "true" : "false");
    } else if (json_is_string(value)) {
        pn_buf_add_cstr(out, json_string_value(value));
    }
}

static bool
needs_quotes(struct pn_str text, char delimiter)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == delimiter || text.ptr[i] == '"'
            || text.ptr[i] == '\n' || text.ptr[i] == '\r')
        {
            return true;
        }
    }
    return false;
}

void
pn_rows_write_cell(struct pn_buf *out, const json_t *doc,
                   const struct pn_rows_column *column, char delimiter)
{
    static char bytes[PN_ROW_MAX]; /* too much for some stacks */
    struct pn_buf text = PN_BUF(bytes);
    struct pn_str cell;

    add_text(&text, json_object_get(doc, column->name), column);
    cell = pn_buf_str(&text);
    out->full |= text.full;
    const bool quotes = needs_quotes(cell, delimiter);

    pn_buf_add_cstr(out, quotes ? "\"" : "");
    pn_buf_add_cstr(out, is_formula(cell) ? "'" : "");
    for (size_t i = 0; i < cell.len; i++) {
        pn_buf_add_char(out, cell.ptr[i]);
        if (cell.ptr[i] == '"') {
            pn_buf_add_char(out, '"');
        }
    }
    pn_buf_add_cstr(out, quotes ? "\"" : "");
}
