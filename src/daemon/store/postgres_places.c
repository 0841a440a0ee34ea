/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libpq tries addresses one after the other, and the next one only once the
 * one before has failed, which a silent one does after its time-out.  So we
 * take the list apart and let postgres_dial.c decide.
 */
#include "daemon/store/postgres_places.h"

#include <libpq-fe.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

/* Values of the URL; NULL = not said.  Borrowed from the parsed options. */
struct said {
    const char *host, *address, *port, *mode, *wait;
};

static struct said
said_of(const PQconninfoOption *option)
{
    struct said said = {0};

    for (; option->keyword != NULL; option++) {
        const struct {
            const char *keyword;
            const char **value;
        } rows[] = {
            {"host", &said.host},
            {"hostaddr", &said.address},
            {"port", &said.port},
            {"sslmode", &said.mode},
            {"connect_timeout", &said.wait},
        };

        for (size_t i = 0; i < PN_LEN(rows); i++) {
            if (strcmp(option->keyword, rows[i].keyword) == 0) {
                *rows[i].value = option->val;
            }
        }
    }
    return said;
}

/* The n-th of a list "a,b,c", or its last; NULL and "" are the list of one
 * empty item.  False when it is too long. */
static bool
item(const char *list, unsigned n, char *out, size_t size)
{
    const char *at = list != NULL ? list : "";
    size_t len = strcspn(at, ",");

    while (n-- > 0 && at[len] == ',') {
        at += len + 1;
        len = strcspn(at, ",");
    }
    if (len >= size) {
        return false;
    }
    memcpy(out, at, len);
    out[len] = '\0';
    return true;
}

static unsigned
items(const char *list)
{
    unsigned count = 1;

    for (; list != NULL && *list != '\0'; list++) {
        count += *list == ',';
    }
    return count;
}

static bool
is_port(const char *text)
{
    return text[strspn(text, "0123456789")] == '\0';
}

static void
add(struct pn_places *out, const struct pn_place *place, const char *address)
{
    struct pn_place *next = &out->place[out->count];

    if (out->count < PN_PLACES_MAX) {
        *next = *place;
        (void) snprintf(next->address, sizeof(next->address), "%s", address);
        out->count++;
    }
}

/* A name has all its addresses; a socket, or what libpq is to find, has none.
 */
static void
add_addresses(struct pn_places *out, const struct pn_place *place)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    bool is_name = place->host[0] != '\0' && place->host[0] != '/'
                   && place->host[0] != '@' && place->address[0] == '\0';

    if (!is_name || getaddrinfo(place->host, NULL, &hints, &list) != 0) {
        add(out, place, place->address);
        return;
    }
    for (const struct addrinfo *at = list; at != NULL; at = at->ai_next) {
        char address[PN_PLACE_ADDRESS_MAX];

        if (getnameinfo(at->ai_addr, at->ai_addrlen, address, sizeof(address),
                        NULL, 0, NI_NUMERICHOST)
            == 0)
        {
            add(out, place, address);
        }
    }
    freeaddrinfo(list);
}

static unsigned
seconds_of(const char *text)
{
    long seconds = text != NULL ? strtol(text, NULL, 10) : PN_PLACE_WAIT_S;

    /* 0 and less is "for ever" to libpq. */
    return seconds <= 0 || seconds > PN_PLACE_WAIT_MAX_S ? PN_PLACE_WAIT_MAX_S
                                                         : (unsigned) seconds;
}

static enum pn_err
find(const struct said *said, struct pn_places *out)
{
    /* hostaddr, where there is one, says how many there are. */
    unsigned count = items(said->address != NULL ? said->address : said->host);

    for (unsigned i = 0; i < count; i++) {
        struct pn_place place = {.host = ""};

        if (!item(said->host, i, place.host, sizeof(place.host))
            || !item(said->address, i, place.address, sizeof(place.address))
            || !item(said->port, i, place.port, sizeof(place.port))
            || !is_port(place.port))
        {
            return PN_E_SYNTAX;
        }
        add_addresses(out, &place);
    }
    return out->count > 0 ? PN_OK : PN_E_SYNTAX;
}

enum pn_err
pn_places_find(const char *url, struct pn_places *out, char why[PN_DB_WHY_MAX])
{
    PQconninfoOption *options = PQconninfoParse(url, NULL);
    struct pn_places places = {0};
    enum pn_err err = PN_E_SYNTAX;

    if (options != NULL) {
        const struct said said = said_of(options);

        places.verifies =
            said.mode == NULL || strncmp(said.mode, "verify", 6) == 0;
        places.wait_s = seconds_of(said.wait);
        err = find(&said, &places);
    }
    PQconninfoFree(options);
    if (err == PN_OK) {
        *out = places;
    } else {
        (void) snprintf(why, PN_DB_WHY_MAX,
                        "not a URL that libpq understands: "
                        "postgresql://USER@HOST/DATABASE?KEY=VALUE, in which "
                        "'/', '@', ':', '%%' of a password are written %%2F, "
                        "%%40, %%3A, %%25");
    }
    return err;
}
