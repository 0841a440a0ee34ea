/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the nginx module share.
 *
 * The module translates between nginx and core and decides nothing itself:
 *
 *   POST_READ   credential.c   takes the credential out of the request, scrubs
 *   PREACCESS   decide.c       scrubs again, asks the gate, sets the identity
 *                              or refuses (refuse.c); last in its phase, so
 *                              after realip and limit_req; also for
 *                              sub-requests, redirects and named locations
 *   ACCESS      decide.c       OK when a token allowed it ("satisfy any")
 *   PRECONTENT  decide.c       500 when nobody decided
 *   answer      filter.c       Set-Cookie, Postern-Token-Expires
 *
 * Everything a request needs is in r->pool; nothing here blocks.
 */
#ifndef NGX_HTTP_POSTERN_H
#define NGX_HTTP_POSTERN_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/decision.h"
#include "index/gate.h"

extern ngx_module_t ngx_http_postern_module;

enum {
    NGX_HTTP_POSTERN_OFF = 0,
    NGX_HTTP_POSTERN_OPTIONAL,
    NGX_HTTP_POSTERN_REQUIRED
};

/* Names of identity headers, folded: letters small, every byte that is neither
 * letter nor digit a "-".  A last "*" stands for any rest. */
typedef struct {
    ngx_array_t items; /* of ngx_str_t */
    uint64_t lengths;  /* bit n: some name has n bytes, or may have */
} ngx_http_postern_bucket_t;

typedef struct {
    ngx_http_postern_bucket_t by_first[256]; /* by a name's first byte */
} ngx_http_postern_names_t;

typedef struct {
    ngx_str_t index;           /* directory; empty: none configured */
    ngx_str_t usage;           /* path of posternd's datagram socket */
    ngx_uint_t failure_limit;  /* 0: failures are not counted */
    ngx_uint_t failure_window; /* seconds */
    ngx_shm_zone_t *zone;      /* counters; NULL when nothing uses postern */
    ngx_http_postern_names_t identity;

    /* Of one worker process, made at first use. */
    struct pn_gate *gate;
    uint64_t compilation;        /* of gate, when prefixes were read */
    struct pn_prefixes prefixes; /* the last ones read */
    char prefix_text[PN_TOKEN_PREFIXES_MAX][PN_TOKEN_PREFIX_MAX];
    time_t complained_at;
} ngx_http_postern_main_conf_t;

typedef struct {
    ngx_flag_t used; /* something in this server is optional or required */
} ngx_http_postern_srv_conf_t;

enum { NGX_HTTP_POSTERN_SHAPE = 4 /* user, groups, name, e-mail */ };

/* The names of an app's identity headers, as nginx wants them. */
typedef struct {
    uint64_t compilation; /* of the gate; 0: none yet */
    ngx_uint_t known;     /* every name is scrubbed everywhere */
    struct {
        size_t at, len; /* in text; len 0: not sent */
        ngx_uint_t hash;
    } names[NGX_HTTP_POSTERN_SHAPE];
    size_t len; /* of text: of each name as it is, then in lower case */
    u_char text[NGX_HTTP_POSTERN_SHAPE * 2 * PN_RECORD_HEADER_MAX];
} ngx_http_postern_shape_t;

typedef struct {
    ngx_uint_t mode;
    ngx_str_t app;
    ngx_http_postern_shape_t *shape; /* of app, in this worker process */
    ngx_int_t secure; /* index of a variable; NGX_DECLINED: none */
    ngx_str_t file;   /* where mode was set, for messages */
    ngx_uint_t line;
} ngx_http_postern_loc_conf_t;

/*
 * Of a client's request.  It hangs in r->pool as a cleanup, where sub-requests
 * and internal redirects, which clear r->ctx, still find it.
 */
typedef struct {
    struct pn_credential credential;
    ngx_str_t authorization;    /* the value taken out; wiped at the end */
    int64_t expires_at;         /* of the token that allowed the request */
    unsigned taken : 1;         /* it held a token of ours */
    unsigned early : 1;         /* an error before POST_READ: never allowed */
    unsigned blind : 1;         /* parsed without an index: see decide.c */
    unsigned counted : 1;       /* a decision has raised the counters */
    unsigned strip_cookies : 1; /* from the answer */
} ngx_http_postern_record_t;

/* Of a request or sub-request in its present location: r->ctx. */
typedef struct {
    ngx_http_postern_record_t *record;
    struct pn_decision decision;
    ngx_str_t user; /* these three only when a token allowed the request */
    ngx_str_t email;
    ngx_str_t groups;
    unsigned decided : 1;
} ngx_http_postern_ctx_t;

static ngx_inline struct pn_str
ngx_http_postern_from(ngx_str_t s)
{
    return (struct pn_str){(const char *) s.data, s.len};
}

/* names.c */
ngx_int_t ngx_http_postern_names_init(ngx_conf_t *cf,
                                      ngx_http_postern_names_t *names);
/* NGX_DECLINED: a name that nginx or HTTP itself gives a meaning. */
ngx_int_t ngx_http_postern_names_add(ngx_conf_t *cf,
                                     ngx_http_postern_names_t *names,
                                     const ngx_str_t *name);
ngx_uint_t ngx_http_postern_names_has(const ngx_http_postern_names_t *names,
                                      const u_char *name, size_t len);
ngx_uint_t ngx_http_postern_folds_to(const u_char *name, size_t len,
                                     const char *folded);

/* headers.c: request headers; elements never move (others point to them) */
typedef ngx_uint_t (*ngx_http_postern_header_pt)(const ngx_table_elt_t *header,
                                                 const void *data);
ngx_int_t ngx_http_postern_headers_own(ngx_http_request_t *r);
ngx_int_t ngx_http_postern_headers_remove(ngx_http_request_t *r,
                                          ngx_http_postern_header_pt test,
                                          const void *data);
/* A zeroed element at the end; what is put in must live as long as the
 * request. */
ngx_table_elt_t *ngx_http_postern_headers_push(ngx_http_request_t *r);
ngx_table_elt_t *ngx_http_postern_headers_find(ngx_http_request_t *r,
                                               const char *lowcase);
ngx_int_t ngx_http_postern_headers_drop(ngx_http_request_t *r,
                                        const char *lowcase);

/* cookies.c */
ngx_int_t ngx_http_postern_cookies_drop_session(ngx_http_request_t *r);
ngx_int_t ngx_http_postern_cookies_drop_all(ngx_http_request_t *r);

/* credential.c */
ngx_http_postern_record_t *ngx_http_postern_record(ngx_http_request_t *r);
ngx_int_t ngx_http_postern_post_read_handler(ngx_http_request_t *r);
ngx_int_t ngx_http_postern_late_handler(ngx_http_request_t *r);
ngx_http_postern_record_t *ngx_http_postern_take(ngx_http_request_t *r);
ngx_int_t ngx_http_postern_scrub(ngx_http_request_t *r);

/* gate.c: this process's view of the index */
struct pn_gate *ngx_http_postern_gate_begin(ngx_http_request_t *r);
void ngx_http_postern_gate_end(ngx_http_request_t *r);
/* Brings the prefixes up to date; NGX_DECLINED: no index, the last ones serve.
 */
ngx_int_t ngx_http_postern_gate_prefixes(ngx_http_request_t *r);
void ngx_http_postern_gate_free(void *main_conf);
void ngx_http_postern_complain(ngx_http_request_t *r, const char *why,
                               ngx_str_t subject);

/* ask.c: nginx's request in core's words, but for peer_is_local */
void ngx_http_postern_ask(ngx_http_request_t *r, struct pn_request *out);
ngx_uint_t ngx_http_postern_peer_is_local(ngx_http_request_t *r);
ngx_uint_t ngx_http_postern_address(ngx_http_request_t *r, struct pn_ip *out);

/* identity.c */
/* Brings the location's shape up to date; true when every header the app names
 * is scrubbed everywhere. */
ngx_uint_t ngx_http_postern_identity_known(ngx_http_request_t *r,
                                           const struct pn_gate *gate,
                                           const struct pn_app_record *app);
/* NGX_DECLINED: the owner's record cannot be said in headers. */
ngx_int_t ngx_http_postern_identity_set(ngx_http_request_t *r,
                                        ngx_http_postern_ctx_t *ctx,
                                        enum pn_user_value user_value,
                                        const struct pn_owner_record *owner);

/* decide.c */
ngx_int_t ngx_http_postern_preaccess_handler(ngx_http_request_t *r);
ngx_int_t ngx_http_postern_access_handler(ngx_http_request_t *r);
ngx_int_t ngx_http_postern_precontent_handler(ngx_http_request_t *r);

/* refuse.c: send the refusal and finish the request; what the phase handler
 * returns */
ngx_int_t ngx_http_postern_refuse(ngx_http_request_t *r,
                                  ngx_http_postern_ctx_t *ctx,
                                  enum pn_challenge challenge);

/* filter.c */
void ngx_http_postern_filter_init(void);

/* vars.c */
ngx_int_t ngx_http_postern_add_variables(ngx_conf_t *cf);

/* zone.c */
ngx_int_t ngx_http_postern_zone_add(ngx_conf_t *cf,
                                    ngx_http_postern_main_conf_t *mcf);
void ngx_http_postern_zone_counters(ngx_http_postern_main_conf_t *mcf,
                                    struct pn_counters *out);

/* usage.c */
void ngx_http_postern_usage_note(ngx_http_request_t *r,
                                 ngx_http_postern_ctx_t *ctx);
void ngx_http_postern_usage_exit(ngx_cycle_t *cycle);

#endif
