/* SPDX-License-Identifier: BSD-3-Clause */
/* What a connection remembers in single bits, and the kinds of what it is doing and waiting for; internal to dataplane/tcp. */
#pragma once

enum conn_flag {
	CF_APP = 1u << 0,           /* the application holds the handle */
	CF_ORPHAN = 1u << 1,        /* ... and has given it back */
	CF_TS = 1u << 2,            /* timestamps agreed */
	CF_SACK = 1u << 3,          /* SACK agreed */
	CF_ECN = 1u << 4,           /* ECN agreed */
	CF_NODELAY = 1u << 5,       /* Nagle off */
	CF_PASSIVE = 1u << 6,       /* came through a listener */
	CF_READY = 1u << 7,         /* on the ready list */
	CF_EVENT = 1u << 8,         /* on the event list */
	CF_FIN_QUEUED = 1u << 9,    /* FIN follows the send buffer */
	CF_FIN_SEEN = 1u << 10,     /* peer's FIN is at fin_seq, perhaps behind a gap */
	CF_FIN_RCVD = 1u << 11,     /* ... and was reached */
	CF_SYN_DUE = 1u << 12,      /* send SYN or SYN-ACK */
	CF_ACK_NOW = 1u << 13,      /* send an ACK at once */
	CF_ACK_LATER = 1u << 14,    /* delayed ACK is running */
	CF_RTX_HEAD = 1u << 15,     /* send the oldest outstanding segment again, window or not */
	CF_TLP_DUE = 1u << 16,      /* send a tail loss probe */
	CF_PROBE_DUE = 1u << 17,    /* send a window probe */
	CF_KEEP_DUE = 1u << 18,     /* send a keepalive probe */
	CF_WANT_WRITE = 1u << 19,   /* WRITABLE is owed */
	CF_ECE = 1u << 20,          /* echo congestion until CWR */
	CF_CWR = 1u << 21,          /* say CWR with the next new data */
	CF_REORDER = 1u << 22,      /* the path was seen to reorder */
	CF_TLP_RTX = 1u << 23,      /* the probe out was a retransmission */
	CF_TLP_OUT = 1u << 24,      /* a probe is out, up to tlp_end */
	CF_RTO_HELD = 1u << 25,     /* a timer came due while the peer was held */
	CF_TIME_WAIT = 1u << 26,    /* on the TIME-WAIT list */
	CF_SND_LIMITED = 1u << 27,  /* ... the congestion window kept data back meanwhile */
	CF_UNDO = 1u << 28,         /* this recovery can still be undone */
	CF_QUEUED = 1u << 29,       /* on its listener's accept queue */
	CF_ERR_TOLD = 1u << 30,     /* the ending error was returned once */
	CF_WSCALE = (int)(1u << 31) /* window scaling agreed */
};

/* What the application chose; and what is remembered beside the flags. */
enum conn_mode {
	CM_CORK = 1u << 0,     /* only full segments */
	CM_QUICKACK = 1u << 1, /* no delayed ACKs */
	CM_PACED = 1u << 2,
	CM_COOKIE = 1u << 3,       /* came back from a SYN cookie */
	CM_LINGER = 1u << 4,       /* linger_ms is set */
	CM_EIFEL = 1u << 5,        /* no ACK has covered this recovery's first retransmission */
	CM_RESCUED = 1u << 6,      /* RFC 6675's rescue retransmission was made */
	CM_SND_URGENT = 1u << 7,   /* snd_up is ahead of what is acknowledged */
	CM_RCV_URGENT = 1u << 8,   /* rcv_up is ahead of what was read */
	CM_QUIET = 1u << 9,        /* no warnings */
	CM_DRS_NEW = 1u << 10,     /* no echo has told of this period's round trip */
	CM_TS_LATE = 1u << 11,     /* late_* are in force */
	CM_PUSH = 1u << 12,        /* what is queued now goes in spite of the cork */
	CM_UNREACHABLE = 1u << 13, /* soft_err was told, and nothing heard of the peer since */
	CM_POSTED = 1u << 14,      /* posted is the application's memory for what comes */
	CM_RCV_MORE = 1u << 15,    /* the last payload that came in order had no PSH */
	CM_SND_MORE =
	        1u << 16 /* the application has more than the buffer takes: its end has no PSH */
};

/* Those of enum tcp_ca_state, in short. */
enum conn_ca { CA_OPEN = 0, CA_CWR, CA_RECOVERY, CA_LOSS };
enum conn_frto { FRTO_NONE = 0, FRTO_FIRST /* ACK awaited after a time-out */, FRTO_SECOND };
enum conn_rtx { RTX_NONE = 0, RTX_SYN, RTX_RTO, RTX_PERSIST };
enum conn_aux { AUX_NONE = 0, AUX_TLP, AUX_REO };
enum conn_life {
	LIFE_NONE = 0,
	LIFE_CONNECT,
	LIFE_KEEPALIVE,
	LIFE_FIN_WAIT_2,
	LIFE_TIME_WAIT,
	LIFE_LINGER
};
