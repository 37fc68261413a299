//! The messages of the child: each survives its way over the pipe, and nothing else is taken for one.

use helix_speech::protocol::{
    Cancel, Decode, DecodeId, Decoded, Failed, FailureCode, LIMITS, Load, Message, MessageError, Order,
    Reader, Ready, Report, SAMPLES_LEN_MAX, TEXT_LEN_MAX,
};

fn over_the_pipe<M: Message>(message: M) -> Result<Option<M>, MessageError> {
    let mut reader = Reader::default();
    for byte in message.encode() {
        assert!(reader.next_message::<M>()?.is_none(), "a message before its last byte");
        reader.push(&[byte]);
    }
    reader.next_message()
}

fn decode(samples: Vec<i16>) -> Order {
    Order::Decode(Decode { id: DecodeId(7), language: "en".into(), full_window: true, samples })
}

fn decoded(text: String) -> Report {
    Report::Decoded(Decoded {
        id: DecodeId(u64::MAX),
        text,
        avg_logprob: -0.25,
        repetition: 0.5,
        retried: true,
        decode_ms: 81,
    })
}

#[test]
fn orders_arrive_as_they_were_sent() {
    let load = Order::Load(Load { version: 1, model_path: "/models/a b.bin".into(), threads: Some(3) });
    for order in [load, decode(vec![i16::MIN, -1, 0, 1, i16::MAX]), Order::Cancel(Cancel { id: DecodeId(7) })]
    {
        assert_eq!(over_the_pipe(order.clone()), Ok(Some(order)));
    }
}

#[test]
fn reports_arrive_as_they_were_sent() {
    let ready = Report::Ready(Ready {
        model: "tiny".into(),
        languages: vec!["en".into(), "de".into()],
        build: "whisper.cpp".into(),
        threads: 2,
        warm_up_ms: 80,
    });
    let failed = Report::Failed(Failed {
        id: None,
        code: FailureCode::ModelMissing,
        text: "There is none.".into(),
        remedy: "Get one.".into(),
    });
    for report in [ready, decoded("Ängstlich, „ja“\n".into()), failed] {
        assert_eq!(over_the_pipe(report.clone()), Ok(Some(report)));
    }
}

#[test]
fn half_a_minute_of_audio_fits_and_more_does_not() {
    let mut reader = Reader::default();
    reader.push(&decode(vec![1; SAMPLES_LEN_MAX]).encode());
    assert!(
        matches!(reader.next_message(), Ok(Some(Order::Decode(decode))) if decode.samples.len() == SAMPLES_LEN_MAX)
    );
    reader.push(&decode(vec![1; SAMPLES_LEN_MAX + 1]).encode());
    assert!(matches!(reader.next_message::<Order>(), Err(MessageError::Frame(_))));
    let one = LIMITS.payload_len_max + LIMITS.data_len_max + LIMITS.header_len_max;
    assert_eq!(one.max(LIMITS.buffered_len_max), LIMITS.buffered_len_max, "a whole message fits");
}

#[test]
fn a_text_longer_than_whisper_can_write_is_refused() {
    let mut reader = Reader::default();
    reader.push(&decoded("x".repeat(TEXT_LEN_MAX + 1)).encode());
    assert_eq!(reader.next_message::<Report>(), Err(MessageError::Malformed { kind: "decoded" }));
}

#[test]
fn numbers_that_are_none_are_refused() {
    let mut reader = Reader::default();
    let data =
        b"{\"id\":1,\"text\":\"\",\"avg_logprob\":-1e39,\"repetition\":0,\"retried\":false,\"decode_ms\":1}";
    reader.push(format!("{{\"type\":\"decoded\",\"data_length\":{}}}\n", data.len()).as_bytes());
    reader.push(data);
    assert_eq!(reader.next_message::<Report>(), Err(MessageError::Malformed { kind: "decoded" }));
}

#[test]
fn a_message_of_the_other_direction_is_refused() {
    let mut reader = Reader::default();
    reader.push(&decoded(String::new()).encode());
    assert_eq!(reader.next_message::<Order>(), Err(MessageError::Kind));
}

#[test]
fn words_do_not_get_into_logs() {
    let report = decoded("the safe is behind the picture".into());
    assert!(!format!("{report:?}").contains("safe"), "{report:?}");
}
