/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changing the list of request headers that nginx forwards.
 *
 * headers_in.host and its like point at elements, so elements never move: a
 * part of the list is cut at its ends or split in two.  nginx reads the first
 * element of every part after the first without asking whether there is one,
 * so such a part is never left empty.  nalloc always tells the room of the
 * last part, whose elements behind nelts are nobody's.
 */
#include "nginx/ngx_http_postern.h"

enum { LIST_STEP = 8, COPY_STEP = 16 };

static ngx_uint_t
is_named(const ngx_table_elt_t *header, const void *lowcase)
{
    size_t len = ngx_strlen(lowcase);

    if (header->key.len != len) {
        return 0;
    }
    /* nginx has made small letters of all names that clients sent. */
    return header->lowcase_key != NULL
               ? ngx_memcmp(header->lowcase_key, lowcase, len) == 0
               : ngx_strncasecmp(header->key.data, (u_char *) lowcase, len)
                     == 0;
}

/* headers_in no longer points at an element that has left the list. */
static void
forget(ngx_http_request_t *r, const ngx_table_elt_t *header)
{
    if (r->headers_in.authorization == header) {
        r->headers_in.authorization = NULL;
    }
    if (r->headers_in.upgrade == header) {
        r->headers_in.upgrade = NULL; /* nginx takes no 101 then */
    }
#if (nginx_version >= 1023000)
    for (ngx_table_elt_t **at = &r->headers_in.cookie; *at;) {
        if (*at == header) {
            *at = (*at)->next;
        } else {
            at = &(*at)->next;
        }
    }
#else
    ngx_array_t *cookies = &r->headers_in.cookies;
    ngx_table_elt_t **slot = cookies->elts;
    ngx_uint_t kept = 0;

    for (ngx_uint_t i = 0; i < cookies->nelts; i++) {
        if (slot[i] != header) {
            slot[kept++] = slot[i];
        }
    }
    cookies->nelts = kept;
#endif
}

/* Take element i out of part; prev is the part before it, or NULL. */
static ngx_int_t
cut(ngx_http_request_t *r, ngx_list_part_t *prev, ngx_list_part_t *part,
    ngx_uint_t i)
{
    ngx_list_t *list = &r->headers_in.headers;
    ngx_table_elt_t *header = part->elts;
    ngx_uint_t is_last = list->last == part;
    ngx_uint_t lost = 0; /* of the last part's room */
    ngx_list_part_t *tail;

    if (i == 0) {
        part->elts = header + 1;
        lost = 1;
    } else if (i < part->nelts - 1) {
        tail = ngx_palloc(r->pool, sizeof(*tail));
        if (tail == NULL) {
            return NGX_ERROR;
        }
        tail->elts = header + i + 1;
        tail->nelts = part->nelts - i - 1;
        tail->next = part->next;
        if (is_last) {
            list->last = tail;
        }
        part->next = tail;
        part->nelts = i + 1; /* one is taken off below */
        lost = i + 1;
    }
    part->nelts--;
    list->nalloc -= is_last ? lost : 0;
    if (part->nelts == 0 && prev != NULL) {
        prev->next = part->next;
        if (is_last) {
            list->last = prev;
            list->nalloc = prev->nelts; /* no room that we know of */
        }
    }
    forget(r, header + i);
    return NGX_OK;
}

static ngx_uint_t
first_match(const ngx_list_part_t *part, ngx_http_postern_header_pt test,
            const void *data)
{
    const ngx_table_elt_t *header = part->elts;
    ngx_uint_t i = 0;

    while (i < part->nelts && !test(&header[i], data)) {
        i++;
    }
    return i;
}

ngx_int_t
ngx_http_postern_headers_remove(ngx_http_request_t *r,
                                ngx_http_postern_header_pt test,
                                const void *data)
{
    ngx_list_part_t *prev = NULL, *part = &r->headers_in.headers.part;

    do {
        ngx_uint_t i = first_match(part, test, data);

        if (i == part->nelts) {
            prev = part;
            part = part->next;
            continue;
        }
        if (cut(r, prev, part, i) != NGX_OK) {
            return NGX_ERROR;
        }
        if (part->nelts == 0 && prev != NULL) {
            part = part->next;
        }
    } while (part != NULL);
    /* nginx would add a part without any room. */
    return r->headers_in.headers.nalloc == 0
               ? ngx_list_init(&r->headers_in.headers, r->pool, LIST_STEP,
                               sizeof(ngx_table_elt_t))
               : NGX_OK;
}

ngx_int_t
ngx_http_postern_headers_drop(ngx_http_request_t *r, const char *lowcase)
{
    return ngx_http_postern_headers_remove(r, is_named, lowcase);
}

ngx_table_elt_t *
ngx_http_postern_headers_find(ngx_http_request_t *r, const char *lowcase)
{
    ngx_list_part_t *part = &r->headers_in.headers.part;

    for (; part != NULL; part = part->next) {
        ngx_uint_t i = first_match(part, is_named, lowcase);

        if (i < part->nelts) {
            return (ngx_table_elt_t *) part->elts + i;
        }
    }
    return NULL;
}

ngx_table_elt_t *
ngx_http_postern_headers_push(ngx_http_request_t *r)
{
    ngx_list_t *list = &r->headers_in.headers;
    ngx_table_elt_t *header;

    if (list->last == NULL /* HTTP/0.9: nginx made no list */
        && ngx_list_init(list, r->pool, LIST_STEP, sizeof(*header)) != NGX_OK)
    {
        return NULL;
    }
    header = ngx_list_push(list);
    if (header != NULL) {
        ngx_memzero(header, sizeof(*header));
    }
    return header;
}

/* headers_in points at the elements of its own list where we follow it. */
static ngx_int_t
relink(ngx_http_request_t *r, ngx_table_elt_t *header)
{
    if (is_named(header, "authorization")) {
        r->headers_in.authorization = header;
    }
    if (is_named(header, "cookie")) {
#if (nginx_version >= 1023000)
        ngx_table_elt_t **at = &r->headers_in.cookie;

        while (*at) {
            at = &(*at)->next;
        }
        header->next = NULL;
        *at = header;
#else
        ngx_table_elt_t **slot = ngx_array_push(&r->headers_in.cookies);

        if (slot == NULL) {
            return NGX_ERROR;
        }
        *slot = header;
#endif
    }
    return NGX_OK;
}

/*
 * A sub-request starts with a copy of its parent's headers_in, whose list still
 * lives in the parent: what it pushes would show up there.
 */
ngx_int_t
ngx_http_postern_headers_own(ngx_http_request_t *r)
{
    ngx_list_t theirs = r->headers_in.headers;
    ngx_list_t *list = &r->headers_in.headers;

    if (r == r->main
        || theirs.part.elts != r->parent->headers_in.headers.part.elts) {
        return NGX_OK; /* ours already */
    }
    if (ngx_list_init(list, r->pool, COPY_STEP, sizeof(ngx_table_elt_t))
        != NGX_OK) {
        return NGX_ERROR;
    }
    r->headers_in.authorization = NULL;
#if (nginx_version >= 1023000)
    r->headers_in.cookie = NULL;
#else
    if (ngx_array_init(&r->headers_in.cookies, r->pool, 2,
                       sizeof(ngx_table_elt_t *))
        != NGX_OK)
    {
        return NGX_ERROR;
    }
#endif
    for (ngx_list_part_t *part = &theirs.part; part; part = part->next) {
        const ngx_table_elt_t *from = part->elts;

        for (ngx_uint_t i = 0; i < part->nelts; i++) {
            ngx_table_elt_t *to = ngx_list_push(list);

            if (to == NULL) {
                return NGX_ERROR;
            }
            *to = from[i];
            if (relink(r, to) != NGX_OK) {
                return NGX_ERROR;
            }
        }
    }
    return NGX_OK;
}
