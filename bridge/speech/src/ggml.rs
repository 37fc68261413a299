//! Whisper's ggml file format: a model file in, its shape out, or what is wrong with it.
//!
//! The whole structure is walked (header, mel filters, vocabulary, the header of every tensor), so a
//! download that stopped anywhere is found without loading the weights: about 600 kB are read of a file of any
//! size. whisper.cpp itself would end the process on some of these files.
//!
//! Layout (whisper.cpp `whisper_model_load`): magic, 11 hyperparameters, mel filter bank, vocabulary,
//! then tensors of `n_dims, name_len, type, dims…, name, values` until the end of the file. All numbers
//! are little-endian 32 bit.

use std::fmt;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::path::Path;

/// First four bytes, read as a little-endian number: `lmgg` in the file.
pub const MAGIC: u32 = 0x6767_6d6c;

/// Bytes before the mel filters: magic and hyperparameters.
pub const HEADER_LEN: usize = 48;

/// Largest file that is looked at: twice Whisper large in half precision (3.1 GB).
pub const FILE_LEN_MAX: u64 = 6 * 1024 * 1024 * 1024;

/// Tokens of the multilingual vocabulary begin here; whisper.cpp calls fewer "English only".
const MULTILINGUAL_VOCAB: u32 = 51_865;
const VOCAB_RANGE: std::ops::RangeInclusive<u32> = 51_864..=65_536;
const TOKEN_LEN_MAX: u32 = 1024;
const TENSOR_NAME_LEN_MAX: u32 = 256;

/// How the weights are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Weights {
    /// 32 bit floats.
    F32,
    /// 16 bit floats.
    F16,
    /// 4 bit, kind 0.
    Q4_0,
    /// 4 bit, kind 1.
    Q4_1,
    /// 5 bit, kind 0.
    Q5_0,
    /// 5 bit, kind 1.
    Q5_1,
    /// 8 bit, kind 0.
    Q8_0,
    /// K-quants; the number is ggml's file type.
    Other(u32),
}

impl Weights {
    fn from_file_type(ftype: u32) -> Self {
        // ggml adds 1000 times the version of its quantisation to the type.
        match ftype % 1000 {
            0 => Self::F32,
            1 => Self::F16,
            2 => Self::Q4_0,
            3 => Self::Q4_1,
            7 => Self::Q8_0,
            8 => Self::Q5_0,
            9 => Self::Q5_1,
            other => Self::Other(other),
        }
    }
}

impl fmt::Display for Weights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::F32 => f.write_str("f32"),
            Self::F16 => f.write_str("f16"),
            Self::Q4_0 => f.write_str("q4_0"),
            Self::Q4_1 => f.write_str("q4_1"),
            Self::Q5_0 => f.write_str("q5_0"),
            Self::Q5_1 => f.write_str("q5_1"),
            Self::Q8_0 => f.write_str("q8_0"),
            Self::Other(number) => write!(f, "ggml type {number}"),
        }
    }
}

/// The family of a model, by the number of its encoder layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// 4 encoder layers, 384 wide.
    Tiny,
    /// 6 encoder layers.
    Base,
    /// 12 encoder layers.
    Small,
    /// 24 encoder layers.
    Medium,
    /// 32 encoder layers.
    Large,
    /// 32 encoder layers, 4 decoder layers.
    LargeTurbo,
    /// None of Whisper's own shapes.
    Custom,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tiny => "tiny",
            Self::Base => "base",
            Self::Small => "small",
            Self::Medium => "medium",
            Self::Large => "large",
            Self::LargeTurbo => "large-turbo",
            Self::Custom => "custom",
        })
    }
}

/// The shape of a Whisper model, as its header states it; every number is within sane bounds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    /// Tokens of the vocabulary.
    pub n_vocab: u32,
    /// Encoder positions; 50 per second of audio, 1500 for 30 s.
    pub n_audio_ctx: u32,
    /// Width of the encoder.
    pub n_audio_state: u32,
    /// Attention heads of the encoder.
    pub n_audio_head: u32,
    /// Layers of the encoder.
    pub n_audio_layer: u32,
    /// Decoder positions.
    pub n_text_ctx: u32,
    /// Width of the decoder.
    pub n_text_state: u32,
    /// Attention heads of the decoder.
    pub n_text_head: u32,
    /// Layers of the decoder.
    pub n_text_layer: u32,
    /// Mel bands: 80, or 128 since large-v3.
    pub n_mels: u32,
    /// How the weights are stored.
    pub weights: Weights,
}

impl Shape {
    /// Whether it understands English alone.
    pub fn english_only(&self) -> bool {
        self.n_vocab < MULTILINGUAL_VOCAB
    }

    /// The family, told by layers and width.
    pub fn kind(&self) -> Kind {
        match (self.n_audio_layer, self.n_audio_state, self.n_text_layer) {
            (4, 384, 4) => Kind::Tiny,
            (6, 512, 6) => Kind::Base,
            (12, 768, 12) => Kind::Small,
            (24, 1024, 24) => Kind::Medium,
            (32, 1280, 32) => Kind::Large,
            (32, 1280, 4) => Kind::LargeTurbo,
            _ => Kind::Custom,
        }
    }

    /// Tensors that whisper.cpp will ask for: 11 outside the layers, 15 per encoder and 24 per decoder layer.
    fn tensor_count(&self) -> u32 {
        11 + 15 * self.n_audio_layer + 24 * self.n_text_layer
    }
}

/// What a file is that is no Whisper model in ggml form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Foreign {
    /// llama.cpp's newer container.
    Gguf,
    /// A web page, such as the log-in page of a network.
    WebPage,
    /// A Git LFS pointer: the repository was cloned without its large files.
    LfsPointer,
    /// An archive (zip, gzip) or a `PyTorch` file, which is a zip.
    Archive,
    /// Something else.
    Unknown,
}

impl fmt::Display for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gguf => "a GGUF file",
            Self::WebPage => "a web page",
            Self::LfsPointer => "a Git LFS pointer without its content",
            Self::Archive => "an archive or a PyTorch file",
            Self::Unknown => "a file of unknown format",
        })
    }
}

/// Tells by its first bytes what a file that is not ggml may be; `None` if it is ggml.
pub fn foreign_format(start: &[u8]) -> Option<Foreign> {
    if start.starts_with(&MAGIC.to_le_bytes()) {
        return None;
    }
    let text = String::from_utf8_lossy(&start[..start.len().min(64)]).trim_start().to_ascii_lowercase();
    Some(if start.starts_with(b"GGUF") {
        Foreign::Gguf
    } else if start.starts_with(b"PK\x03\x04") || start.starts_with(&[0x1f, 0x8b]) {
        Foreign::Archive
    } else if text.starts_with("version https://git-lfs") {
        Foreign::LfsPointer
    } else if ["<!doctype", "<html", "<?xml", "<head"].iter().any(|tag| text.starts_with(tag)) {
        Foreign::WebPage
    } else {
        Foreign::Unknown
    })
}

/// Why a file cannot be used as a Whisper model. Each text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum GgmlError {
    /// The file cannot be read.
    #[error("the model file cannot be read: {0}")]
    Read(#[from] io::Error),
    /// Another format.
    #[error("this is {0}, not a Whisper model in ggml form; get one with `helix model pull`")]
    Foreign(Foreign),
    /// It ends too early.
    #[error(
        "the model file is incomplete: it has {len} bytes and ends within {at}; run `helix model pull` again"
    )]
    Truncated {
        /// Where the file ends.
        at: String,
        /// Length of the file, bytes.
        len: u64,
    },
    /// A number that no Whisper model has.
    #[error(
        "the model file is damaged or no Whisper model: {field} is {value}; run `helix model pull` again"
    )]
    Implausible {
        /// The field, as whisper.cpp calls it.
        field: &'static str,
        /// What it holds.
        value: u64,
    },
    /// More or fewer tensors than the shape needs.
    #[error("the model file holds {found} of {needed} tensors; run `helix model pull` again")]
    Tensors {
        /// Complete tensors in the file.
        found: u32,
        /// What whisper.cpp will ask for.
        needed: u32,
    },
    /// Larger than any Whisper model.
    #[error(
        "the file has {len} bytes, more than any Whisper model ({FILE_LEN_MAX}); \
         is it the right file? `helix model list` shows those that fit"
    )]
    TooLarge {
        /// Length of the file, bytes.
        len: u64,
    },
}

/// Reads the hyperparameters out of the first [`HEADER_LEN`] bytes.
///
/// # Errors
/// [`GgmlError::Foreign`], [`GgmlError::Truncated`] or [`GgmlError::Implausible`].
pub fn parse_header(start: &[u8]) -> Result<Shape, GgmlError> {
    if start.len() >= 4
        && let Some(foreign) = foreign_format(start)
    {
        return Err(GgmlError::Foreign(foreign));
    }
    if start.len() < HEADER_LEN {
        return Err(GgmlError::Truncated { at: "its header".into(), len: start.len() as u64 });
    }
    let field = |index: usize| {
        let at = 4 + 4 * index;
        u32::from_le_bytes([start[at], start[at + 1], start[at + 2], start[at + 3]])
    };
    let shape = Shape {
        n_vocab: field(0),
        n_audio_ctx: field(1),
        n_audio_state: field(2),
        n_audio_head: field(3),
        n_audio_layer: field(4),
        n_text_ctx: field(5),
        n_text_state: field(6),
        n_text_head: field(7),
        n_text_layer: field(8),
        n_mels: field(9),
        weights: Weights::from_file_type(field(10)),
    };
    plausible(&shape)?;
    Ok(shape)
}

/// Bounds: about twice what the largest Whisper has, so that no product of them can overflow.
fn plausible(shape: &Shape) -> Result<(), GgmlError> {
    let within = |field, value: u32, range: std::ops::RangeInclusive<u32>| {
        if range.contains(&value) {
            Ok(())
        } else {
            Err(GgmlError::Implausible { field, value: value.into() })
        }
    };
    within("n_vocab", shape.n_vocab, VOCAB_RANGE)?;
    within("n_audio_ctx", shape.n_audio_ctx, 1..=3000)?;
    within("n_audio_state", shape.n_audio_state, 1..=4096)?;
    within("n_audio_head", shape.n_audio_head, 1..=128)?;
    within("n_audio_layer", shape.n_audio_layer, 1..=64)?;
    within("n_text_ctx", shape.n_text_ctx, 1..=1024)?;
    within("n_text_state", shape.n_text_state, 1..=4096)?;
    within("n_text_head", shape.n_text_head, 1..=128)?;
    within("n_text_layer", shape.n_text_layer, 1..=64)?;
    within("n_mels", shape.n_mels, 1..=256)?;
    let whole_heads = |field, state: u32, heads: u32| {
        if state.is_multiple_of(heads) {
            Ok(())
        } else {
            Err(GgmlError::Implausible { field, value: heads.into() })
        }
    };
    whole_heads("n_audio_head", shape.n_audio_state, shape.n_audio_head)?;
    whole_heads("n_text_head", shape.n_text_state, shape.n_text_head)
}

/// Checks a model file.
///
/// # Errors
/// As [`inspect`].
pub fn inspect_file(path: &Path) -> Result<Shape, GgmlError> {
    let file = std::fs::File::open(path)?;
    inspect(&mut io::BufReader::with_capacity(4096, file))
}

/// Checks a model: header, vocabulary, and that every tensor is there to its last byte.
///
/// # Errors
/// [`GgmlError`]; nothing that the file may hold causes a panic or an allocation above 1 KiB.
pub fn inspect(model: &mut (impl Read + Seek)) -> Result<Shape, GgmlError> {
    let len = model.seek(SeekFrom::End(0))?;
    if len > FILE_LEN_MAX {
        return Err(GgmlError::TooLarge { len });
    }
    model.seek(SeekFrom::Start(0))?;
    let mut header = Vec::with_capacity(HEADER_LEN);
    model.take(HEADER_LEN as u64).read_to_end(&mut header)?;
    let shape = parse_header(&header)?;
    let mut walk = Walk { model, at: HEADER_LEN as u64, len };
    walk.mel_filters(&shape)?;
    walk.vocabulary()?;
    walk.tensors(&shape)?;
    Ok(shape)
}

struct Walk<'a, M> {
    model: &'a mut M,
    at: u64,
    len: u64,
}

impl<M: Read + Seek> Walk<'_, M> {
    fn truncated(&self, at: impl Into<String>) -> GgmlError {
        GgmlError::Truncated { at: at.into(), len: self.len }
    }

    fn number(&mut self, part: &str) -> Result<u32, GgmlError> {
        let mut bytes = [0; 4];
        self.bytes(&mut bytes, part)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn bytes(&mut self, into: &mut [u8], part: &str) -> Result<(), GgmlError> {
        match self.model.read_exact(into) {
            Ok(()) => {
                self.at += into.len() as u64;
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => Err(self.truncated(part)),
            Err(error) => Err(error.into()),
        }
    }

    fn skip(&mut self, count: u64, part: &str) -> Result<(), GgmlError> {
        if count > self.len - self.at {
            return Err(self.truncated(part));
        }
        // `seek_relative` keeps what a buffered reader holds; file lengths are far below `i64::MAX`.
        self.model.seek_relative(i64::try_from(count).unwrap_or(i64::MAX))?;
        self.at += count;
        Ok(())
    }

    fn mel_filters(&mut self, shape: &Shape) -> Result<(), GgmlError> {
        let (bands, bins) = (self.number("the mel filters")?, self.number("the mel filters")?);
        if bands != shape.n_mels {
            return Err(GgmlError::Implausible { field: "filters.n_mel", value: bands.into() });
        }
        if !(1..=4096).contains(&bins) {
            return Err(GgmlError::Implausible { field: "filters.n_fft", value: bins.into() });
        }
        self.skip(4 * u64::from(bands) * u64::from(bins), "the mel filters")
    }

    fn vocabulary(&mut self) -> Result<(), GgmlError> {
        let tokens = self.number("the vocabulary")?;
        if tokens > *VOCAB_RANGE.end() {
            return Err(GgmlError::Implausible { field: "vocabulary size", value: tokens.into() });
        }
        for _ in 0..tokens {
            let token_len = self.number("the vocabulary")?;
            if token_len > TOKEN_LEN_MAX {
                return Err(GgmlError::Implausible { field: "token length", value: token_len.into() });
            }
            self.skip(token_len.into(), "the vocabulary")?;
        }
        Ok(())
    }

    fn tensors(&mut self, shape: &Shape) -> Result<(), GgmlError> {
        let needed = shape.tensor_count();
        let mut found = 0;
        while self.at < self.len {
            if found == needed {
                let extra = self.len - self.at;
                return Err(GgmlError::Implausible { field: "bytes after the last tensor", value: extra });
            }
            self.tensor()?;
            found += 1;
        }
        if found == needed { Ok(()) } else { Err(GgmlError::Tensors { found, needed }) }
    }

    fn tensor(&mut self) -> Result<(), GgmlError> {
        let dimension_count = self.number("a tensor")?;
        let name_len = self.number("a tensor")?;
        let element = self.number("a tensor")?;
        if !(1..=4).contains(&dimension_count) {
            return Err(GgmlError::Implausible {
                field: "dimensions of a tensor",
                value: dimension_count.into(),
            });
        }
        if !(1..=TENSOR_NAME_LEN_MAX).contains(&name_len) {
            return Err(GgmlError::Implausible {
                field: "length of a tensor's name",
                value: name_len.into(),
            });
        }
        let mut elements: u64 = 1;
        for _ in 0..dimension_count {
            let dimension = u64::from(self.number("a tensor")?);
            elements = elements.saturating_mul(dimension);
        }
        let mut name = [0; TENSOR_NAME_LEN_MAX as usize];
        self.bytes(&mut name[..name_len as usize], "the name of a tensor")?;
        let Some((per_block, block_len)) = block(element) else {
            return Err(GgmlError::Implausible { field: "type of a tensor", value: element.into() });
        };
        if !elements.is_multiple_of(per_block) {
            return Err(GgmlError::Implausible { field: "elements of a quantised tensor", value: elements });
        }
        let name = String::from_utf8_lossy(&name[..name_len as usize]).into_owned();
        self.skip((elements / per_block).saturating_mul(block_len), &format!("tensor {name}"))
    }
}

/// Elements and bytes of one block of a ggml tensor type (ggml's `type_traits`).
fn block(element: u32) -> Option<(u64, u64)> {
    Some(match element {
        0 => (1, 4),
        1 => (1, 2),
        2 => (32, 18),
        3 => (32, 20),
        6 => (32, 22),
        7 => (32, 24),
        8 => (32, 34),
        10 => (256, 84),
        11 => (256, 110),
        12 => (256, 144),
        13 => (256, 176),
        14 => (256, 210),
        _ => return None,
    })
}
