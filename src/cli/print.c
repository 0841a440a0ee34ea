/* SPDX-License-Identifier: Apache-2.0 */
/* Tables for people, JSON for programs. */
#include "cli/print.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"

const json_t *
pn_json_at(const json_t *object, const char *path)
{
    struct pn_str rest = pn_str_from(path), head;

    while (object != NULL && pn_str_cut(rest, '.', &head, &rest)) {
        object = json_object_getn(object, head.ptr, head.len);
    }
    return object != NULL ? json_object_getn(object, rest.ptr, rest.len) : NULL;
}

const char *
pn_json_text(const json_t *object, const char *path)
{
    const char *text = json_string_value(pn_json_at(object, path));

    return text != NULL ? text : "";
}

static const char *
list_text(struct pn_cli *cli, const json_t *list)
{
    const char *text = "";

    for (size_t i = 0; i < json_array_size(list) && text != NULL; i++) {
        text = pn_arena_printf(cli->arena, "%s%s%s", text, i > 0 ? ", " : "",
                               pn_print_value(cli, json_array_get(list, i)));
    }
    return text == NULL || text[0] == '\0' ? "-" : text;
}

const char *
pn_print_value(struct pn_cli *cli, const json_t *value)
{
    const char *text = NULL;
    char *dump;

    if (value == NULL || json_is_null(value)) {
        return "-";
    }
    if (json_is_string(value)) {
        text = json_string_value(value);
        return text[0] != '\0' ? text : "-";
    }
    if (json_is_boolean(value)) {
        return json_is_true(value) ? "yes" : "no";
    }
    if (json_is_array(value)) {
        return list_text(cli, value);
    }
    dump = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    if (dump != NULL) {
        text = pn_arena_dup(cli->arena, pn_str_from(dump));
        free(dump);
    }
    return text != NULL ? text : "?";
}

static const char *
cell_text(struct pn_cli *cli, const struct pn_column *column,
          const json_t *item)
{
    if (column->cell != NULL) {
        return column->cell(cli, item);
    }
    return pn_print_value(cli, pn_json_at(item, column->member));
}

/* The character at the beginning of text, which is well-formed UTF-8. */
static uint32_t
decode(struct pn_str text, size_t *len)
{
    const uint8_t *at = (const uint8_t *) text.ptr;
    uint32_t c = at[0];

    *len = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
    if (*len > 1) {
        c &= 0x7fU >> *len;
    }
    for (size_t i = 1; i < *len; i++) {
        c = c << 6 | (at[i] & 0x3fU);
    }
    return c;
}

/* Columns that a character takes on a terminal; -1 for what would move the
 * cursor, end the line or turn the direction of writing. */
static int
width_of(uint32_t c)
{
    static const struct {
        uint32_t first, last;
        int width;
    } ranges[] = {
        {0x0000, 0x001f, -1},  {0x007f, 0x009f, -1}, {0x0300, 0x036f, 0},
        {0x1100, 0x115f, 2},   {0x200b, 0x200f, -1}, {0x2028, 0x202e, -1},
        {0x2066, 0x2069, -1},  {0x2e80, 0xa4cf, 2},  {0xac00, 0xd7a3, 2},
        {0xf900, 0xfaff, 2},   {0xfe00, 0xfe0f, 0},  {0xfe30, 0xfe6f, 2},
        {0xfeff, 0xfeff, -1},  {0xff00, 0xff60, 2},  {0x1f300, 0x1f64f, 2},
        {0x20000, 0x3fffd, 2},
    };

    for (size_t i = 0; i < PN_LEN(ranges); i++) {
        if (c >= ranges[i].first && c <= ranges[i].last) {
            return ranges[i].width;
        }
    }
    return 1;
}

/* Prints at most what a terminal shows harmlessly; returns its columns.  With
 * out NULL only measures. */
static int
put_cell(const char *cell, FILE *out)
{
    struct pn_str text = pn_str_from(cell);
    bool utf8 = pn_str_is_utf8(text);
    int columns = 0;

    while (text.len > 0) {
        size_t len = 1;
        int width = utf8 ? width_of(decode(text, &len)) : -1;

        if (out != NULL && width < 0) {
            (void) fputc('?', out);
        } else if (out != NULL) {
            (void) fwrite(text.ptr, 1, len, out);
        }
        columns += width < 0 ? 1 : width;
        text.ptr += len;
        text.len -= len;
    }
    return columns;
}

static bool
wants_colour(void)
{
    /* concurrency-mt-unsafe: one thread, and nobody calls setenv(). */
    const char *no = getenv("NO_COLOR"); /* NOLINT */
    const char *term = getenv("TERM");   /* NOLINT */

    return isatty(STDOUT_FILENO) && (no == NULL || no[0] == '\0')
           && (term == NULL || strcmp(term, "dumb") != 0);
}

static void
put_row(const char *const *cells, const int *widths, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int used = put_cell(cells[i], stdout);

        if (i + 1 < count) {
            (void) printf("%*s", widths[i] - used + 2, "");
        }
    }
}

void
pn_print_table(struct pn_cli *cli, const struct pn_column *columns,
               const json_t *items)
{
    int widths[PN_COLUMNS_MAX] = {0};
    const char *cells[PN_COLUMNS_MAX];
    size_t count = 0;
    bool bold = wants_colour();

    while (count < PN_COLUMNS_MAX && columns[count].heading != NULL) {
        cells[count] = columns[count].heading;
        widths[count] = put_cell(columns[count].heading, NULL);
        count++;
    }
    for (size_t i = 0; i < json_array_size(items); i++) {
        for (size_t c = 0; c < count; c++) {
            int width = put_cell(
                cell_text(cli, &columns[c], json_array_get(items, i)), NULL);

            widths[c] = width > widths[c] ? width : widths[c];
        }
    }
    (void) fputs(bold ? "\033[1m" : "", stdout);
    put_row(cells, widths, count);
    (void) fputs(bold ? "\033[0m\n" : "\n", stdout);
    for (size_t i = 0; i < json_array_size(items); i++) {
        for (size_t c = 0; c < count; c++) {
            cells[c] = cell_text(cli, &columns[c], json_array_get(items, i));
        }
        put_row(cells, widths, count);
        (void) fputc('\n', stdout);
    }
}

void
pn_print_fields(struct pn_cli *cli, const struct pn_column *columns,
                const json_t *item)
{
    int widest = 0;

    for (size_t c = 0; columns[c].heading != NULL; c++) {
        int width = put_cell(columns[c].heading, NULL);

        widest = width > widest ? width : widest;
    }
    for (size_t c = 0; columns[c].heading != NULL; c++) {
        int used = put_cell(columns[c].heading, stdout);

        (void) printf("%*s", widest - used + 2, "");
        (void) put_cell(cell_text(cli, &columns[c], item), stdout);
        (void) fputc('\n', stdout);
    }
}

void
pn_print_json(const json_t *doc)
{
    (void) json_dumpf(doc, stdout, JSON_INDENT(2));
    (void) fputc('\n', stdout);
}

void
pn_print_list(struct pn_cli *cli, const struct pn_column *columns,
              const json_t *list, const char *none)
{
    const json_t *items = json_object_get(list, "items");

    if (pn_cli_has(cli, "json")) {
        pn_print_json(list);
    } else if (json_array_size(items) == 0) {
        pn_say("%s", none);
    } else {
        pn_print_table(cli, columns, items);
    }
}

void
pn_print_object(struct pn_cli *cli, const struct pn_column *columns,
                const json_t *object)
{
    if (pn_cli_has(cli, "json")) {
        pn_print_json(object);
    } else {
        pn_print_fields(cli, columns, object);
    }
}

void
pn_print_warnings(struct pn_cli *cli, const json_t *doc)
{
    const json_t *warnings = json_object_get(doc, "warnings");

    for (size_t i = 0; i < json_array_size(warnings); i++) {
        pn_say("warning: %s", pn_print_value(cli, json_array_get(warnings, i)));
    }
}
