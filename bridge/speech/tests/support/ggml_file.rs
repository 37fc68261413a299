//! Writes a small but complete Whisper model file, byte by byte as whisper.cpp's converter does.

/// Hyperparameters in file order.
const HYPERPARAMETERS: [u32; 11] = [51_864, 1500, 32, 2, 1, 448, 32, 2, 1, 80, 7];

/// A model of one layer each, 32 wide, its large tensors in `q8_0`; `vocab` decides English only or not.
pub(crate) fn model(vocab: u32) -> Vec<u8> {
    let mut file = 0x6767_6d6c_u32.to_le_bytes().to_vec();
    let mut hyperparameters = HYPERPARAMETERS;
    hyperparameters[0] = vocab;
    push_numbers(&mut file, &hyperparameters);
    push_numbers(&mut file, &[80, 201]);
    file.resize(file.len() + 4 * 80 * 201, 0);
    push_numbers(&mut file, &[50_257]);
    for index in 0..50_257_u32 {
        let token = format!("t{index}");
        push_numbers(&mut file, &[token.len() as u32]);
        file.extend_from_slice(token.as_bytes());
    }
    for (index, name) in tensor_names().into_iter().enumerate() {
        push_tensor(&mut file, &name, index);
    }
    file
}

/// Offset of the first tensor of [`model`].
pub(crate) fn tensors_at(model: &[u8]) -> usize {
    let first = tensor_names().remove(0);
    let name_at = model
        .windows(first.len())
        .position(|part| part == first.as_bytes())
        .expect("the first tensor is there");
    name_at - 4 * (3 + 2)
}

fn push_numbers(file: &mut Vec<u8>, numbers: &[u32]) {
    for number in numbers {
        file.extend_from_slice(&number.to_le_bytes());
    }
}

fn push_tensor(file: &mut Vec<u8>, name: &str, index: usize) {
    let (element, dims, len) =
        if name.ends_with("weight") { (8, [32, 1500], 1500 * 34) } else { (0, [32, 1], 32 * 4) };
    push_numbers(file, &[2, name.len() as u32, element]);
    push_numbers(file, &dims);
    file.extend_from_slice(name.as_bytes());
    // Bytes that differ everywhere, so that a piece written twice or at the wrong place changes the checksum.
    let mut state = index as u32 + 1;
    file.extend((0..len).map(|_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    }));
}

fn tensor_names() -> Vec<String> {
    let outer = [
        "encoder.positional_embedding",
        "encoder.conv1.weight",
        "encoder.conv1.bias",
        "encoder.conv2.weight",
        "encoder.conv2.bias",
        "encoder.ln_post.weight",
        "encoder.ln_post.bias",
        "decoder.positional_embedding",
        "decoder.token_embedding.weight",
        "decoder.ln.weight",
        "decoder.ln.bias",
    ];
    let mut names: Vec<String> = outer.iter().map(ToString::to_string).collect();
    names.extend((0..15).map(|index| format!("encoder.blocks.0.{index}.weight")));
    names.extend((0..24).map(|index| format!("decoder.blocks.0.{index}.weight")));
    names
}
