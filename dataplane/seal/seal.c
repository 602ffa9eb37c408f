/* SPDX-License-Identifier: BSD-3-Clause */
/* DPDK's synchronous crypto behind the AEAD interface: choice by known answer at start, one call per burst and key. */
#include "seal/seal.h"
#include "base/be.h"

#include <rte_bus.h>
#include <rte_cryptodev.h>
#include <rte_dev.h>
#include <rte_log.h>
#include <stdio.h>
#include <string.h>

#define BURST      64
#define NONCE      12
#define ALGORITHMS 3 /* indexed by enum aead_alg */

/* What serves each algorithm. Written before the worker threads start, and only read from then on. */
static struct {
	bool used;
	uint8_t dev;
	const char *driver;
} backend[ALGORITHMS];
static struct rte_mempool *sessions;

/* The drivers that can serve an algorithm, the fastest one first. */
static const struct {
	enum aead_alg alg;
	const char *driver;
} candidates[] = {
        {AEAD_AES256_GCM, "crypto_aesni_gcm"},
        {AEAD_AES256_GCM, "crypto_aesni_mb"},
        {AEAD_CHACHA20_POLY1305, "crypto_aesni_mb"},
};

/* Whether a candidate has given the known answers: tried once in the life of a process, since the driver keeps memory for each thread that seals with it and
 * frees none of it when the thread ends. */
static enum { UNTRIED = 0, HOLDS, FAILS } answers[sizeof(candidates) / sizeof(candidates[0])];

/* ---- one session per key and direction --------------------------------------------------------------------------- */

static void *session_create(uint8_t dev, enum aead_alg alg, const uint8_t *key, bool sealing,
                            uint16_t aad_len)
{
	struct rte_crypto_sym_xform x = {.type = RTE_CRYPTO_SYM_XFORM_AEAD};

	x.aead.op = sealing ? RTE_CRYPTO_AEAD_OP_ENCRYPT : RTE_CRYPTO_AEAD_OP_DECRYPT;
	x.aead.algo = alg == AEAD_AES256_GCM ? RTE_CRYPTO_AEAD_AES_GCM
	                                     : RTE_CRYPTO_AEAD_CHACHA20_POLY1305;
	x.aead.key.data = key;
	x.aead.key.length = AEAD_KEY_BYTES;
	x.aead.iv.length = NONCE;
	x.aead.digest_length = AEAD_TAG_BYTES;
	x.aead.aad_length = aad_len;
	return rte_cryptodev_sym_session_create(dev, &x, sessions);
}

int seal_key_init(struct aead_key *k, enum aead_alg alg, const uint8_t key[AEAD_KEY_BYTES],
                  bool sealing, uint16_t aad_len)
{
	int rc = aead_key_init(k, alg, key);

	if (rc)
		return rc;
	k->backend = backend[alg].used && !rte_mempool_empty(sessions)
	                     ? session_create(backend[alg].dev, alg, key, sealing, aad_len)
	                     : NULL;
	return 0;
}

void seal_key_wipe(struct aead_key *k)
{
	if (k->backend)
		rte_cryptodev_sym_session_free(backend[k->alg].dev, k->backend);
	k->backend = NULL;
	aead_key_wipe(k);
}

/* ---- bursts ------------------------------------------------------------------------------------------------------ */

/* The arrays that one call of rte_cryptodev_sym_cpu_crypto_process() takes, an element for each packet. */
struct batch {
	struct rte_crypto_vec vec[BURST];
	struct rte_crypto_sgl sgl[BURST];
	struct rte_crypto_va_iova_ptr iv[BURST], aad[BURST], tag[BURST];
	int32_t status[BURST];
	uint8_t nonce[BURST][16];
};

static void nonce_of(enum aead_alg alg, uint64_t counter, uint8_t *nonce)
{
	memset(nonce, 0, NONCE);
	if (alg == AEAD_AES256_GCM)
		be64_store(nonce + 4, counter);
	else
		for (unsigned i = 0; i < 8; i++)
			nonce[4 + i] = (uint8_t)(counter >> 8 * i);
}

/* Describes packet i of a call. DPDK works in place: if the input stands elsewhere, its `copy` bytes are copied to the output first. len does
 * not count the tag. */
static void prepare(struct batch *b, unsigned i, enum aead_alg alg, const struct aead_op *o,
                    uint32_t len, uint32_t copy)
{
	if (o->in != o->out)
		memmove(o->out, o->in, copy);
	nonce_of(alg, o->counter, b->nonce[i]);
	b->vec[i] = (struct rte_crypto_vec){.base = o->out, .len = len, .tot_len = len};
	b->sgl[i] = (struct rte_crypto_sgl){.vec = &b->vec[i], .num = 1};
	b->iv[i].va = b->nonce[i];
	b->aad[i].va = (void *)(uintptr_t)o->aad;
	b->tag[i].va = o->out + len;
	b->status[i] = -1;
}

static void process(uint8_t dev, void *session, struct batch *b, unsigned n)
{
	union rte_crypto_sym_ofs ofs = {.raw = 0};
	struct rte_crypto_sym_vec v = {
	        .num = n, .src_sgl = b->sgl, .iv = b->iv, .digest = b->tag, .status = b->status};

	v.aad = b->aad;
	rte_cryptodev_sym_cpu_crypto_process(dev, session, ofs, &v);
}

static void fast_seal(uint8_t dev, const struct aead_key *k, struct aead_op *ops, unsigned n)
{
	struct batch b;

	for (unsigned i = 0; i < n; i++)
		prepare(&b, i, k->alg, &ops[i], ops[i].len, ops[i].len);
	process(dev, k->backend, &b, n);
	for (unsigned i = 0; i < n; i++)
		ops[i].ok = b.status[i] == 0;
}

static void fast_open(uint8_t dev, const struct aead_key *k, struct aead_op *ops, unsigned n)
{
	unsigned at[BURST], m = 0;
	struct batch b;

	for (unsigned i = 0; i < n; i++) {
		ops[i].ok = false;
		if (ops[i].len < AEAD_TAG_BYTES)
			continue;
		prepare(&b, m, k->alg, &ops[i], ops[i].len - AEAD_TAG_BYTES, ops[i].len);
		at[m++] = i;
	}
	if (m)
		process(dev, k->backend, &b, m);
	for (unsigned i = 0; i < m; i++)
		ops[at[i]].ok = b.status[i] == 0;
}

void seal_burst(const struct aead_key *k, struct aead_op *ops, unsigned n)
{
	if (!k->backend) {
		aead_seal_burst(k, ops, n);
		return;
	}
	for (unsigned i = 0; i < n; i += BURST)
		fast_seal(backend[k->alg].dev, k, ops + i, n - i < BURST ? n - i : BURST);
}

void open_burst(const struct aead_key *k, struct aead_op *ops, unsigned n)
{
	if (!k->backend) {
		aead_open_burst(k, ops, n);
		return;
	}
	for (unsigned i = 0; i < n; i += BURST)
		fast_open(backend[k->alg].dev, k, ops + i, n - i < BURST ? n - i : BURST);
}

/* ---- choice at start --------------------------------------------------------------------------------------------- */

#define ANSWER_ROOM (2048 + AEAD_TAG_BYTES)

/* Seals and opens a packet of this length with both back ends, and compares what they make of it. A forged packet must be refused. */
static bool same_answer(const struct aead_key *fast_out, const struct aead_key *fast_in,
                        uint32_t len, uint16_t aad_len)
{
	static uint8_t aad[64], a[ANSWER_ROOM], b[ANSWER_ROOM], plain[ANSWER_ROOM];
	struct aead_op x = {.in = a,
	                    .out = a,
	                    .aad = aad,
	                    .aad_len = aad_len,
	                    .len = len,
	                    .counter = UINT64_C(0x0102030405) + len};
	struct aead_op y = x;

	for (unsigned i = 0; i < sizeof(aad); i++)
		aad[i] = (uint8_t)(i * 3 + len);
	for (uint32_t i = 0; i < len; i++)
		plain[i] = (uint8_t)(i * 7 + len);
	memcpy(a, plain, len);
	memcpy(b, plain, len);
	y.in = y.out = b;
	aead_seal_burst(fast_out, &x, 1);
	seal_burst(fast_out, &y, 1);
	if (memcmp(a, b, len + AEAD_TAG_BYTES) != 0)
		return false;
	x.len = y.len = len + AEAD_TAG_BYTES;
	open_burst(fast_in, &y, 1);
	if (!y.ok || memcmp(b, plain, len) != 0)
		return false;
	a[len] ^= 1;
	open_burst(fast_in, &x, 1);
	return !x.ok;
}

static bool known_answers_hold(enum aead_alg alg)
{
	static const uint32_t lengths[] = {1, 15, 16, 17, 48, 64, 255, 1024, 1400, 2000};
	static const uint16_t aads[] = {12, 16};
	const uint8_t key[AEAD_KEY_BYTES] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
	bool ok = true;

	for (unsigned a = 0; a < 2 && ok; a++) {
		struct aead_key out, in;

		if (seal_key_init(&out, alg, key, true, aads[a]))
			return false;
		if (seal_key_init(&in, alg, key, false, aads[a])) {
			seal_key_wipe(&out);
			return false;
		}
		ok = out.backend && in.backend;
		for (unsigned i = 0; ok && i < sizeof(lengths) / sizeof(lengths[0]); i++)
			ok = same_answer(&out, &in, lengths[i], aads[a]);
		seal_key_wipe(&out);
		seal_key_wipe(&in);
	}
	return ok;
}

/* Returns the number of the driver's device, which is made if it does not exist yet. -1: this machine does not have the driver. */
static int device(const char *driver)
{
	struct rte_cryptodev_config conf = {.nb_queue_pairs = 1};
	struct rte_cryptodev_info info;
	char name[64];
	int dev;

	snprintf(name, sizeof(name), "%s0", driver);
	dev = rte_cryptodev_get_dev_id(name);
	if (dev >= 0)
		return dev;
	if (rte_eal_hotplug_add("vdev", name, ""))
		return -1;
	dev = rte_cryptodev_get_dev_id(name);
	if (dev < 0)
		return -1;
	rte_cryptodev_info_get((uint8_t)dev, &info);
	if (!(info.feature_flags & RTE_CRYPTODEV_FF_SYM_CPU_CRYPTO) ||
	    rte_cryptodev_configure((uint8_t)dev, &conf))
		return -1;
	return dev;
}

/* Makes the one pool from which every driver takes its sessions. An element has room for the largest session of any of them. */
static bool session_pool(const int *dev, unsigned n)
{
	unsigned size = 0;

	for (unsigned i = 0; i < n; i++) {
		unsigned s = dev[i] < 0
		                     ? 0
		                     : rte_cryptodev_sym_get_private_session_size((uint8_t)dev[i]);

		size = s > size ? s : size;
	}
	if (size)
		sessions = rte_cryptodev_sym_session_pool_create("seal", SEAL_SESSIONS, size, 0, 0,
		                                                 SOCKET_ID_ANY);
	return sessions != NULL;
}

void seal_start(void)
{
	enum { N = sizeof(candidates) / sizeof(candidates[0]) };
	uint32_t level = rte_log_get_global_level();
	int dev[N];

	/* That a driver is not installed is normal, and need not be in the log. */
	rte_log_set_global_level(RTE_LOG_CRIT);
	for (unsigned i = 0; i < N; i++)
		dev[i] = device(candidates[i].driver);
	for (unsigned i = 0; i < N && (sessions || session_pool(dev, N)); i++) {
		enum aead_alg alg = candidates[i].alg;

		if (dev[i] < 0 || backend[alg].used || !aead_available(alg))
			continue;
		backend[alg].used = true;
		backend[alg].dev = (uint8_t)dev[i];
		backend[alg].driver = candidates[i].driver;
		if (answers[i] == UNTRIED)
			answers[i] = known_answers_hold(alg) ? HOLDS : FAILS;
		backend[alg].used = answers[i] == HOLDS;
	}
	rte_log_set_global_level(level);
}

void seal_stop(void)
{
	for (unsigned i = 0; i < ALGORITHMS; i++)
		backend[i].used = false;
	rte_mempool_free(sessions);
	sessions = NULL;
}

const char *seal_backend(enum aead_alg alg)
{
	return alg < ALGORITHMS && backend[alg].used ? backend[alg].driver : "libsodium";
}
