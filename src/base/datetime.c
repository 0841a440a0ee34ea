/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RFC 3339, UTC.  The C library's calendar functions are left alone: they
 * depend on the time zone, and timegm() mends dates that do not exist.
 */
#include "base/datetime.h"

#include <stdio.h>

enum {
    SECONDS_PER_DAY = 86400,
    YEAR_MIN = 1970,
    YEAR_MAX = 9999,
};

static const int64_t last_instant = INT64_C(253402300799); /* end of 9999 */

static bool
is_leap(int64_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int
days_in_month(int64_t year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    return month == 2 && is_leap(year) ? 29 : days[month - 1];
}

/* Days from 1970-01-01 to the first of January of year >= 1970. */
static int64_t
days_before_year(int64_t year)
{
    int64_t y = year - 1;

    return (year - YEAR_MIN) * 365 + (y / 4 - y / 100 + y / 400)
           - (1969 / 4 - 1969 / 100 + 1969 / 400);
}

enum pn_err
pn_datetime_format(int64_t at, char out[PN_DATETIME_LEN + 1])
{
    int64_t days, seconds, year;
    int month = 1;

    if (at < 0 || at > last_instant) {
        return PN_E_RANGE;
    }
    days = at / SECONDS_PER_DAY;
    seconds = at % SECONDS_PER_DAY;
    year = YEAR_MIN + days / 366; /* at most the right one */
    while (days_before_year(year + 1) <= days) {
        year++;
    }
    days -= days_before_year(year);
    while (days >= days_in_month(year, month)) {
        days -= days_in_month(year, month);
        month++;
    }
    (void) snprintf(out, PN_DATETIME_LEN + 1, "%04u-%02u-%02uT%02u:%02u:%02uZ",
                    (unsigned) year % 10000U, (unsigned) month % 100U,
                    (unsigned) (days + 1) % 100U,
                    (unsigned) (seconds / 3600) % 100U,
                    (unsigned) (seconds / 60 % 60), (unsigned) (seconds % 60));
    return PN_OK;
}

/* Exactly len digits at text[at]; -1 otherwise. */
static int
digits(struct pn_str text, size_t at, size_t len)
{
    int value = 0;

    if (at + len > text.len) {
        return -1;
    }
    for (size_t i = at; i < at + len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9') {
            return -1;
        }
        value = value * 10 + (text.ptr[i] - '0');
    }
    return value;
}

static bool
is_char(struct pn_str text, size_t at, char c)
{
    return at < text.len && text.ptr[at] == c;
}

/* "Z" or "+hh:mm" to the end of text, as seconds east of UTC. */
static enum pn_err
parse_offset(struct pn_str text, size_t at, int64_t *out)
{
    int hour, minute;

    if (is_char(text, at, 'Z') && text.len == at + 1) {
        *out = 0;
        return PN_OK;
    }
    if (text.len != at + 6 || !is_char(text, at + 3, ':')
        || !(is_char(text, at, '+') || is_char(text, at, '-')))
    {
        return PN_E_SYNTAX;
    }
    hour = digits(text, at + 1, 2);
    minute = digits(text, at + 4, 2);
    if (hour < 0 || minute < 0) {
        return PN_E_SYNTAX;
    }
    if (hour > 23 || minute > 59) {
        return PN_E_RANGE;
    }
    *out = (int64_t) hour * 3600 + (int64_t) minute * 60;
    if (text.ptr[at] == '-') {
        *out = -*out;
    }
    return PN_OK;
}

/* Position after an optional ".ddd"; 0 when the fraction has no digit. */
static size_t
skip_fraction(struct pn_str text, size_t at)
{
    size_t i = at;

    if (!is_char(text, at, '.')) {
        return at;
    }
    do {
        i++;
    } while (digits(text, i, 1) >= 0);
    return i == at + 1 ? 0 : i;
}

enum pn_err
pn_datetime_parse(struct pn_str text, int64_t *out)
{
    const int year = digits(text, 0, 4), month = digits(text, 5, 2);
    const int day = digits(text, 8, 2), hour = digits(text, 11, 2);
    const int minute = digits(text, 14, 2);
    int second = digits(text, 17, 2);
    int64_t at, days, offset = 0;
    enum pn_err err;
    size_t tail;

    if (year < 0 || month < 0 || day < 0 || hour < 0 || minute < 0 || second < 0
        || !is_char(text, 4, '-') || !is_char(text, 7, '-')
        || !is_char(text, 10, 'T') || !is_char(text, 13, ':')
        || !is_char(text, 16, ':'))
    {
        return PN_E_SYNTAX;
    }
    tail = skip_fraction(text, 19);
    if (tail == 0) {
        return PN_E_SYNTAX;
    }
    err = parse_offset(text, tail, &offset);
    if (err != PN_OK) {
        return err;
    }
    if (year < YEAR_MIN || month < 1 || month > 12 || day < 1
        || day > days_in_month(year, month) || hour > 23 || minute > 59
        || second > 60)
    {
        return PN_E_RANGE;
    }
    if (second == 60) {
        second = 59;
    }
    days = days_before_year(year) + day - 1;
    for (int m = 1; m < month; m++) {
        days += days_in_month(year, m);
    }
    at = ((days * 24 + hour) * 60 + minute) * 60 + second - offset;
    if (at < 0 || at > last_instant) {
        return PN_E_RANGE;
    }
    *out = at;
    return PN_OK;
}
